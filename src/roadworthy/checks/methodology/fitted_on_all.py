from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.cross_fitting import CrossFittedPredictions
from roadworthy.artifacts.fitted_steps import FittedSteps, FittedStepsValue
from roadworthy.artifacts.permuted_folds import PermutedFolds
from roadworthy.artifacts.predictions import Predictions
from roadworthy.artifacts.roles import clusters
from roadworthy.checks.doubt import judged_beyond_doubt
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit, not_assessed
from roadworthy.core.dataset import Dataset, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import count, difference, proportion, share_of_rows
from roadworthy.core.finding import Alarm, Finding, Remedy, Table, Verdict
from roadworthy.core.model import Offer

SAME = 0.01  # of how far fits on train and on all rows are apart
CENTERED = 1e-4  # of a column's spread that its mean may be off zero
FEWEST_CENTERED = 3  # columns: one or two may be centered by chance or by nature


@dataclass(frozen=True)
class FittedOnAll(Check):
    """Was preprocessing or selection fitted on test rows too?

    What it does: three tests. Steps: each step of a scikit-learn pipeline is fitted afresh on the
    training rows, and on training and test rows together; what the given step learned (means,
    ranges, scores of features) equals one or the other. Columns: a table whose columns have mean
    zero over all rows, but not over the training rows, was centered before it was split. Inside
    folds: the model is trained again, with all its steps, on parts of the training split; a score
    on the test split far above that of the folds is one that the training does not explain. There,
    a model trained on permuted labels must be no better than a guess, or an alarm is raised.
    Why it matters: where features were chosen by looking at the test labels, columns of pure noise
    predict well. Scaling on all rows seldom moves a score by much, but shows how the data were
    handled.
    When it does not apply: models that are no scikit-learn pipeline have no steps to look at; those
    that cannot be trained again, and regressions, are not judged inside folds. Selection before
    the data came here, with columns left out, is not seen.
    How to fix: put every step into the pipeline and fit that on the training rows only.
    References: Kapoor and Narayanan 2023, doi:10.1016/j.patter.2023.100804 (leakage types L1.2 and
    L1.3); Ambroise, McLachlan 2002, doi:10.1073/pnas.102102699.

    Args:
        max_steps: how many steps may have been fitted on test rows.
        max_excess: largest excess of the accuracy on the test split over that inside folds.
    """

    max_steps: float = limit(0.0, "below", "no step of a sound pipeline has seen test rows")
    max_excess: float = limit(
        0.05, "below", "training on fewer rows inside folds seldom costs five points"
    )

    card = Card(
        "fitted-on-all",
        "Fitted on test rows too",
        aliases=("preprocessing-leakage", "selection-leakage"),
        paper="doi:10.1073/pnas.102102699",
    )
    code = "RW-LEAK-010"
    area = "methodology"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        folds = _folds(subject)
        if subject.dataset.kind == "image" and not folds:
            raise NotAssessed("it looks at columns and at training again; here are images and none")
        return (FittedSteps(), *folds)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        findings = []
        value = get(FittedSteps())
        if value.names:
            findings.append(self._judge_steps(value))
        if subject.dataset.features:
            findings.append(self._judge_columns(subject.dataset))
        if _folds(subject):
            try:
                findings.append(self._judge_folds(subject, get))
            except NotAssessed as reason:
                findings.append(not_assessed(self, str(reason), "inside folds"))
        return tuple(findings)

    def _judge_steps(self, value: FittedStepsValue) -> Finding:
        told = [_told(*pair) for pair in zip(value.from_train, value.from_all, strict=True)]
        leaking = [name for name, what in zip(value.names, told, strict=True) if what == ALL]
        unknown = [name for name, what in zip(value.names, told, strict=True) if what == OTHER]
        threshold = self.threshold("max_steps")
        estimate = count("steps fitted on test rows", len(leaking), len(told))
        claim = f"{len(leaking)} of {len(told)} steps learned what all rows teach, not train alone"
        claim += f": {', '.join(leaking)}." if leaking else "."
        verdict, reason = judged_beyond_doubt(estimate, threshold)
        if unknown and not leaking:
            verdict = Verdict.NOT_ASSESSED
            reason = f"what {', '.join(unknown)} learned is neither that of train nor that of all"
        rows = zip(
            value.names, told, value.from_train.tolist(), value.from_all.tolist(), strict=True
        )
        columns = ("step", "fitted on", "distance to train", "distance to all")
        return self.finding(
            claim,
            verdict=verdict,
            scope="steps",
            reason=reason,
            estimate=estimate,
            threshold=threshold,
            tables=(Table("What each step was fitted on", columns, tuple(rows)),),
            remedies=(Remedy("Fit the whole pipeline on the training rows only."),)
            if leaking
            else (),
        )

    def _judge_columns(self, data: Dataset) -> Finding:
        names = centered_before_the_split(data)
        is_many = len(names) >= FEWEST_CENTERED
        claim = "The columns were not centered on all rows before the split."
        if is_many:
            claim = (
                f"{len(names)} of {len(data.features)} columns have mean zero over all rows, but "
                f"not over the training rows, such as {names[0]!r}: they were centered before the "
                "split."
            )
        return self.finding(
            claim,
            verdict=Verdict.WARN if is_many else Verdict.PASS,
            scope="columns",
            measures=(count("columns centered on all rows", len(names), len(data.features)),),
            remedies=(Remedy("Split first; fit the scaling on the training rows."),)
            if is_many
            else (),
        )

    def _judge_folds(self, subject: Subject, get: Get) -> Finding:
        data = subject.dataset
        shares = []
        for split, request, name in (
            (data.test, Predictions("test"), "accuracy on the test split"),
            (data.train, CrossFittedPredictions(), "accuracy inside folds"),
        ):
            right = get(request).choice.numpy() == split.y.numpy()
            shares.append(share_of_rows(name, right, clusters(data, split)))
        permuted = get(PermutedFolds())
        right = len(permuted.errors) - int(permuted.errors.sum())
        control = proportion("accuracy with permuted labels", right, len(permuted.errors))
        guess = count("accuracy of a guess", permuted.guess, len(permuted.errors), "share")
        excess = difference("excess over the accuracy inside folds", *shares)
        threshold = self.threshold("max_excess")
        verdict, reason = judged_beyond_doubt(excess, threshold)
        is_leaking = control.low > guess.value
        text = (
            f"Trained on permuted labels, the model is right on {control.value:.1%} of the rows "
            f"kept out, a guess on {guess.value:.1%}: it learns from elsewhere."
        )
        if is_leaking and verdict is Verdict.PASS:
            verdict = Verdict.WARN
        return self.finding(
            f"The model is right on {shares[0].value:.1%} of the test rows; trained again inside "
            f"folds, on {shares[1].value:.1%}.",
            verdict=verdict,
            scope="inside folds",
            reason=reason,
            estimate=excess,
            threshold=threshold,
            measures=(*shares, control, guess),
            alarms=(Alarm("permuted-labels", text),) if is_leaking else (),
            remedies=(
                Remedy("Choose features and fit every step on the training rows only."),
                Remedy("Look for rows or groups that are in both splits."),
            ),
        )


ALL, TRAIN, OTHER = "training and test rows", "training rows", "other rows"


def _told(from_train: float, from_all: float) -> str:
    if from_all <= SAME < from_train:
        return ALL
    return TRAIN if from_train <= SAME < from_all else OTHER


def _folds(subject: Subject) -> tuple[Artifact[Any], ...]:
    """What it takes to judge inside folds; nothing where that cannot be."""
    if Offer.REFIT not in subject.model.spec.offers or subject.dataset.task == Task.REGRESSION:
        return ()
    return (Predictions("test"), CrossFittedPredictions(), PermutedFolds())


def centered_before_the_split(data: Dataset) -> list[str]:
    """Name the columns of numbers that have mean zero over all rows, but not over train."""
    x = np.concatenate([split.x.double().numpy() for split in (data.train, data.test)])
    train, spread = x[: len(data.train)], x.std(0)
    off, off_in_train = np.abs(x.mean(0)), np.abs(train.mean(0))
    # the mean of some of the rows is off by its standard error; ten times what is allowed is clear
    is_centered = (
        (spread > 0) & (off <= CENTERED * spread) & (off_in_train > 10 * CENTERED * spread)
    )
    return [
        feature.name
        for feature, centered in zip(data.features, is_centered, strict=True)
        if centered and not feature.categories
    ]
