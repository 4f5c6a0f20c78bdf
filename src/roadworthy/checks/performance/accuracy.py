from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from roadworthy.artifacts.predictions import Predictions, PredictionsValue
from roadworthy.artifacts.roles import clusters
from roadworthy.checks.order_within_groups import order_within_groups
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, bootstrap, mean, proportion, share_of_rows
from roadworthy.core.finding import Figure, Finding, Remedy, Series, compare_gain
from roadworthy.core.ordinal_measures import ORDINAL_MEASURES, confusion
from roadworthy.training.trained import has_learned_order

OF_ORDER = ("mean absolute error", "mean absolute error, classes alike", "quadratic kappa")


@dataclass(frozen=True)
class Accuracy(Check):
    """Is the model better than a guess that looks at no input?

    What it does: compares the share of right answers on the test split with that of always saying
    the most frequent class of the training split; for regression, R² against the training mean;
    for a model that gives nothing but an order, Kendall's tau-b within groups against 0.
    The gain is judged by a paired bootstrap over test rows, clustered by group where one is named.
    Of ordered classes it also tells how far off the answers are: the mean distance in classes, over
    rows and with all classes counting alike (AMAE), and the quadratic kappa. Of a model trained to
    rank it tells, within groups, Kendall's tau-b, the discounted gain of the first ten places
    (NDCG; classes gain 2^rank - 1, numbers what they are above the least one) and the average
    precision (relevant is what is above the mean of its group).
    Why it matters: a high accuracy on unbalanced classes can be that of the constant guess.
    When it does not apply: a model that gives nothing but an order, where no group is named.
    How to fix: more or better data, another model.
    References: Dietterich 1998, doi:10.1162/089976698300017197; Baccianella, Esuli and Sebastiani
    2009, doi:10.1109/ISDA.2009.230.

    Args:
        min_gain: least gain over the guess, as a share of rows (R² for regression, tau for order).
    """

    min_gain: float = limit(0.0, "above", "a model must beat a constant guess to be of use")

    card = Card("accuracy", "Accuracy beyond a guess")
    code = "RW-PERF-001"
    area = "performance"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        return (Predictions("test"),)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data, outputs = subject.dataset, get(Predictions("test"))
        is_ranker = has_learned_order(subject.model)
        if is_ranker and data.task == Task.REGRESSION:
            return (self._judge_order(subject, outputs),)
        if data.task == Task.REGRESSION:
            return (self._judge_regression(subject, outputs.outputs.numpy()),)
        y = data.test.y
        guess = int(data.train.y.bincount(minlength=len(data.classes)).argmax())
        right, guessed = (outputs.choice == y).numpy(), (y == guess).numpy()
        together = clusters(data, data.test)
        gain = bootstrap(
            "gain over the most frequent class",
            lambda rows: float(right[rows].mean() - guessed[rows].mean()),
            len(y),
            seed=subject.seed_for(self),
            clusters=together,
            unit="share",
        )
        accuracy = share_of_rows("accuracy", right, together)
        baseline = proportion("always the most frequent class", int(guessed.sum()), len(y))
        claim = (
            f"The model is right on {accuracy.value:.1%} of {accuracy.n} test rows; always saying "
            f"{data.classes[guess]!r} would be right on {baseline.value:.1%}."
        )
        by_order = self._distances(subject, outputs.choice.numpy())
        if is_ranker and together is not None:
            by_order += order_within_groups(data, outputs, subject.seed_for(self))
        return (
            self._found(
                claim,
                gain,
                measures=(accuracy, baseline, *by_order),
                figures=(_recall_figure(right, y, data.classes),),
                remedies=(
                    Remedy("Collect more rows or try another model; see what it gets wrong."),
                ),
            ),
        )

    def _distances(self, subject: Subject, answers: np.ndarray) -> list[Measure]:
        """Measure how far answers (N,) are from ordered classes."""
        data, y = subject.dataset, subject.dataset.test.y.numpy()
        names = OF_ORDER if data.task == Task.ORDINAL and np.ptp(y) > 0 else ()
        return [
            bootstrap(
                name,
                lambda rows, name=name: float(
                    ORDINAL_MEASURES[name](confusion(y[rows], answers[rows], len(data.classes)))
                ),
                len(y),
                seed=subject.seed_for(self),
                clusters=clusters(data, data.test),
            )
            for name in names
        ]

    def _judge_order(self, subject: Subject, outputs: PredictionsValue) -> Finding:
        seed = subject.seed_for(self)
        found = order_within_groups(subject.dataset, outputs, seed)
        if not found:
            raise NotAssessed("fewer than two groups have rows of different targets")
        estimate, *others = found
        claim = (
            f"The scores order the rows of a group with a Kendall's tau-b of {estimate.value:.3f}, "
            f"the mean of {estimate.n} groups; a constant score orders nothing (0)."
        )
        # a scope of its own: a share of variance and an order are no two values of one number
        return self._found(claim, estimate, measures=tuple(others), scope="order")

    def _judge_regression(self, subject: Subject, outputs: np.ndarray) -> Finding:
        data = subject.dataset
        y, guess = data.test.y.numpy(), float(data.train.y.mean())

        def r_squared(rows: np.ndarray) -> float:
            return 1 - float(((y - outputs)[rows] ** 2).sum() / ((y[rows] - guess) ** 2).sum())

        together, seed = clusters(data, data.test), subject.seed_for(self)
        estimate = bootstrap("R²", r_squared, len(y), seed=seed, clusters=together)
        off = np.abs(y - outputs)
        error = mean("mean absolute error", off, seed=seed, clusters=together)
        claim = (
            f"The model explains {estimate.value:.1%} of the variance that the training mean "
            f"leaves on {len(y)} test rows (mean absolute error {error.value:.3g})."
        )
        return self._found(claim, estimate, measures=(error,))

    def _found(self, claim: str, gain: Measure, **parts: Any) -> Finding:
        threshold = self.threshold("min_gain")
        verdict = compare_gain(gain, threshold)
        return self.finding(claim, verdict=verdict, estimate=gain, threshold=threshold, **parts)


def _recall_figure(right: np.ndarray, y: torch.Tensor, classes: tuple[str, ...]) -> Figure:
    present = [k for k in range(len(classes)) if (y == k).any()]
    recalls: list[Measure] = []
    for k in present:
        of_class = right[(y == k).numpy()]
        recalls.append(proportion(classes[k], int(of_class.sum()), len(of_class)))
    worst = min(recalls, key=lambda recall: recall.value)
    return Figure(
        kind="bar",
        title="Accuracy by class",
        text=f"Accuracy by class; the lowest is {worst.value:.1%} for {worst.name}.",
        x_label="class",
        y_label="accuracy",
        y_range=(0.0, 1.0),
        series=(Series.of("accuracy", tuple(recall.name for recall in recalls), recalls),),
    )
