from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.cross_fitting import CrossFittedPredictions
from roadworthy.artifacts.predictions import Predictions, PredictionsValue
from roadworthy.checks.examples import MOST_ROWS, rows_of, values_of
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Dataset, Split, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import proportion
from roadworthy.core.finding import Examples, Finding, Remedy, Verdict
from roadworthy.core.model import Offer

FAR = 6.0  # robust standard deviations; of normal errors two in a billion are farther
TO_NORMAL = 1.4826  # median absolute deviation to the standard deviation of a normal distribution


@dataclass(frozen=True)
class TargetErrors(Check):
    """Are given numbers wrong?

    What it does: compares each target with what the model says of the row, and suspects those that
    are farther off than six times the usual: from the median of the residuals, in units of their
    median absolute deviation made comparable to a standard deviation, which wrong targets hardly
    move as long as they are few. Training rows are judged by models that were trained again without
    them.
    Why it matters: one target with a slipped decimal point outweighs a thousand others in a squared
    error, in training as in judging.
    When it does not apply: classification; models whose usual error is more than half of that of
    a constant guess, as it is where many gross errors have bent the model itself. Where right
    targets have heavy tails, as incomes do, they are suspected too.
    How to fix: look at the rows, worst first; correct or leave out those that are wrong.
    References: Zhou et al. 2023, arXiv:2305.16583, whose baseline it is: they also divide by how
    sure the model is of each row; Rousseeuw and Croux 1993,
    doi:10.1080/01621459.1993.10476408 (median absolute deviation).

    Args:
        max_share: largest share of suspicious targets.
        max_error: largest usual error of the model, in that of a constant guess, at which it can
            judge targets.
    """

    max_share: float = limit(
        0.05, "below", "as for class labels; heavy tails alone rarely give as many"
    )
    max_error: float = 0.5

    card = Card("target-errors", "Targets that are wrong", paper="arxiv:2305.16583")
    code = "RW-DATA-016"
    area = "data"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if subject.dataset.task != Task.REGRESSION:
            raise NotAssessed("it judges targets that are numbers; these are classes")
        return tuple(_unseen(name) for name in _judged(subject))

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        return tuple(
            self._judge_split(subject, name, get(_unseen(name))) for name in _judged(subject)
        )

    def _judge_split(self, subject: Subject, name: str, said: PredictionsValue) -> Finding:
        split = subject.dataset.split(name)
        y = split.y.double().numpy()
        residual = y - said.outputs.double().numpy()
        usual, guess = _spread(residual), _spread(y)
        if not 0 < usual <= self.max_error * guess:
            claim = f"The targets of the {name} split were not assessed; it is not a pass."
            reason = "the model repeats more than half of the targets exactly"
            if usual > 0:
                reason = (
                    f"the model's usual error is {usual / max(guess, 1e-300):.2f} of that of a "
                    f"constant guess, above {self.max_error:g}: most suspicions would be its own"
                )
            return self.finding(claim, scope=name, verdict=Verdict.NOT_ASSESSED, reason=reason)
        times = np.abs(residual - np.median(residual)) / usual
        found = np.flatnonzero(times > FAR)
        found = found[np.argsort(-times[found], kind="stable")]
        return self.finding(
            f"{len(found)} of {len(y)} {name} targets are more than {FAR:g} times the usual error "
            "away from what the model says.",
            scope=name,
            estimate=proportion("suspicious targets", len(found), len(y)),
            threshold=self.threshold("max_share"),
            examples=(_examples(subject.dataset, split, times, found),) if len(found) else (),
            remedies=(Remedy("Look at these rows, worst first, and correct what is wrong."),),
        )


def _judged(subject: Subject) -> tuple[str, ...]:
    return ("test", "train") if Offer.REFIT in subject.model.spec.offers else ("test",)


def _unseen(name: str) -> Artifact[PredictionsValue]:
    return CrossFittedPredictions() if name == "train" else Predictions(name)


def _spread(values: np.ndarray) -> float:
    """Give the median absolute deviation, as the standard deviation of a normal distribution."""
    return TO_NORMAL * float(np.median(np.abs(values - np.median(values))))


def _examples(data: Dataset, split: Split, times: np.ndarray, found: np.ndarray) -> Examples:
    shown = found[:MOST_ROWS]
    title = f"Suspicious targets in the {split.name} split"
    return Examples(
        title=title,
        rows=rows_of(split, shown),
        details=tuple(f"{times[row]:.1f} times the usual error" for row in shown),
        table=values_of(data, split, shown, title),
        total=len(found),
    )
