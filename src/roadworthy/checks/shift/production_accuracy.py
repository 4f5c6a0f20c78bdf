from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from roadworthy.artifacts.predictions import Predictions, PredictionsValue
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Split, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, bootstrap, difference, proportion
from roadworthy.core.finding import Finding, Remedy, Verdict, compare

LEAST = 50  # rows of a split
LEAST_LABELLED = 50


@dataclass(frozen=True)
class ProductionAccuracy(Check):
    """How often is the model right where it is used?

    What it does: where labels of production rows are known, compares the accuracy on them with that
    on the test split. Where none are, it is estimated: by average thresholded confidence, which
    counts the production rows whose confidence is above the one that as many test rows fall short
    of as the model gets wrong; beside it by the difference of the mean confidences.
    Why it matters: the test split is a promise; production is where it is kept or not.
    When it does not apply: without production rows, for regression, for models that give labels
    only. An estimate assumes that confidence means in production what it means on the test split;
    a changed meaning of the labels cannot be seen without labels. So an estimate can warn and fail,
    and it never passes.
    How to fix: label a random sample of production rows; train on rows like them.
    References: Garg et al. 2022, arXiv:2201.04234 (average thresholded confidence); Guillory et al.
    2021, arXiv:2107.03315 (difference of confidences).

    Args:
        max_drop: how much less accurate than on the test split the model may be.
    """

    max_drop: float = limit(0.05, "below", "no standard sets one: set what the use can bear")

    card = Card(
        "production-accuracy",
        "Accuracy where the model is used",
        aliases=("accuracy-estimate",),
        paper="arxiv:2201.04234",
    )
    code = "RW-SHIFT-003"
    area = "shift"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if subject.dataset.production is None:
            raise NotAssessed("there are no rows from where the model is used: pass --production")
        if subject.dataset.task == Task.REGRESSION:
            raise NotAssessed("it compares accuracies; the target is a number")
        return Predictions("test"), Predictions("production")

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data, used = subject.dataset, subject.dataset.production
        assert used is not None
        if min(len(data.test), len(used)) < LEAST:
            raise NotAssessed(f"{LEAST} test and {LEAST} production rows are needed")
        test, production = get(Predictions("test")), get(Predictions("production"))
        right = (test.choice == data.test.y).numpy()
        on_test = proportion("accuracy on test rows", int(right.sum()), len(right))
        known = used.is_labelled
        if int(known.sum()) >= LEAST_LABELLED:
            return (self._measured(used, on_test, (production.choice == used.y)[known]),)
        return (self._estimated(subject, used, on_test, right, test, production),)

    def _measured(self, used: Split, on_test: Measure, right: torch.Tensor) -> Finding:
        there = proportion("accuracy on production rows", int(right.sum()), len(right))
        return self.finding(
            f"{there.value:.1%} of {there.n} labelled production rows are right, against "
            f"{on_test.value:.1%} of the test rows.",
            estimate=difference("drop in accuracy", on_test, there),
            threshold=self.threshold("max_drop"),
            measures=(on_test, there),
            remedies=(Remedy("Train on rows from where the model is used."),),
        )

    def _estimated(
        self,
        subject: Subject,
        used: Split,
        on_test: Measure,
        right: np.ndarray,
        test: PredictionsValue,
        production: PredictionsValue,
    ) -> Finding:
        known, new = (value.probabilities.amax(1).numpy() for value in (test, production))
        if len(np.unique(known)) < 3:
            raise NotAssessed("the model gives no confidence, so accuracy cannot be estimated")
        confidence, n = np.concatenate([known, new]), len(known)
        rows_of = clusters(subject.dataset, subject.dataset.test, used)

        def drop(by: Any) -> Any:
            def statistic(rows: np.ndarray) -> float:
                own, there = rows[rows < n], confidence[rows[rows >= n]]
                return float(right[own].mean() - by(confidence[own], right[own], there))

            return statistic

        estimates = [
            bootstrap(
                f"drop in accuracy, by {name}",
                drop(by),
                len(confidence),
                seed=subject.seed_for(self),
                clusters=rows_of,
                unit="share",
            )
            for name, by in (
                ("average thresholded confidence", thresholded_confidence),
                ("the difference of confidences", difference_of_confidences),
            )
        ]
        threshold = self.threshold("max_drop")
        verdict = compare(estimates[0], threshold)
        reason = ""
        if verdict is Verdict.PASS:
            verdict = Verdict.NOT_ASSESSED
            reason = "an estimate without labels cannot show that nothing is wrong"
        return self.finding(
            f"Without labels, the accuracy on {len(new)} production rows is estimated at "
            f"{on_test.value - estimates[0].value:.1%}, against {on_test.value:.1%} on the test "
            "rows, if confidence means there what it means on the test split.",
            verdict=verdict,
            reason=reason,
            estimate=estimates[0],
            threshold=threshold,
            measures=(on_test, estimates[1]),
            remedies=(Remedy("Label a random sample of production rows, and inspect again."),),
        )


def thresholded_confidence(known: np.ndarray, right: np.ndarray, new: np.ndarray) -> float:
    """Estimate the accuracy on rows of confidence `new` (M,).

    Source: Garg et al. 2022, arXiv:2201.04234, section 4.

    Args:
        known: (N,) confidence on rows whose answers are known to be right or wrong.
        right: (N,) which they are.
        new: (M,) confidence on other rows.
    """
    wrong = int((~right).sum())
    threshold = np.sort(known)[wrong] if wrong < len(known) else np.inf
    return float((new >= threshold).mean())


def difference_of_confidences(known: np.ndarray, right: np.ndarray, new: np.ndarray) -> float:
    """Estimate the accuracy by how much less confident the model is; arguments as above.

    Source: Guillory et al. 2021, arXiv:2107.03315, equation 2.
    """
    return float(right.mean() - (known.mean() - new.mean()))
