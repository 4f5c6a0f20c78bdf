from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.corruptions import CorruptedPredictions, corruptions_for
from roadworthy.artifacts.roles import clusters
from roadworthy.checks.repairs import by_training
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, mean, proportion
from roadworthy.core.finding import Figure, Finding, Remedy, Series, Table

SEVERITIES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class CorruptionRobustness(Check):
    """How much accuracy does the model lose under ordinary changes of its inputs?

    What it does: changes random test rows in several ways (images: noise, blur, contrast,
    brightness, shift; tables: measurement noise, missing values) at five severities each and
    compares accuracy with that on the same rows unchanged. The judged number is the loss of
    accuracy, averaged over all changes and severities, by a paired bootstrap over rows, clustered
    by group where one is named. Each change is shown by itself: the mean can hide one.
    Why it matters: cameras, light and sensors in use are not those of the test split.
    When it does not apply: regression. Nobody checked that the changed rows can still be told
    apart, and the changes in use may be others.
    How to fix: train with the same kinds of changes (augmentation), or on rows from the field.
    References: Hendrycks and Dietterich 2019, arXiv:1903.12261; their mean is relative to a
    reference model, this one to the model's own accuracy.

    Args:
        max_drop: largest mean loss of accuracy, as a share of rows.
    """

    max_drop: float = limit(
        0.1, "below", "no standard sets one; at 0.1 one answer in ten is lost to ordinary changes"
    )

    card = Card(
        "corruption-robustness",
        "Accuracy under ordinary changes",
        aliases=("corruptions",),
        paper="arxiv:1903.12261",
    )
    code = "RW-ROB-002"
    area = "robustness"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if subject.model.spec.task == Task.REGRESSION:
            raise NotAssessed("it compares shares of right answers; regression has none")
        runs = _runs(subject).values()
        return (_unchanged(subject), *(request for requests in runs for request in requests))

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        test, seed = subject.dataset.test, subject.seed_for(self)
        clean = get(_unchanged(subject))
        y = test.y[clean.rows]
        right = (clean.choice == y).numpy()
        kept = {  # (severities, R) for each corruption
            name: np.stack([(get(request).choice == y).numpy() for request in requests])
            for name, requests in _runs(subject).items()
        }
        groups = clusters(subject.dataset, test)
        groups = None if groups is None else groups[clean.rows.numpy()]

        def drop(name: str, corrupted: np.ndarray) -> Measure:
            lost = right - corrupted.mean(0)
            return mean(name, lost, seed=seed, clusters=groups, unit="share")

        drops = [drop(f"loss of accuracy: {name}", each) for name, each in kept.items()]
        estimate = drop("mean loss of accuracy", np.concatenate(list(kept.values())))
        accuracy = proportion("accuracy unchanged", int(right.sum()), len(right))
        worst = max(drops, key=lambda measure: measure.value)
        claim = (
            f"Ordinary changes of the inputs change accuracy by {-estimate.value:+.1%} on average, "
            f"from {accuracy.value:.1%} on {accuracy.n} test rows; the largest loss is "
            f"{worst.value:.1%}, under {worst.name.partition(': ')[2]}."
        )
        return (
            self.finding(
                claim,
                estimate=estimate,
                threshold=self.threshold("max_drop"),
                measures=(accuracy, *drops),
                figures=(_figure(accuracy, kept),),
                tables=(_table(kept),),
                remedies=(
                    by_training(
                        subject, "Train with such changes (augmentation).", _augmentation(subject)
                    ),
                    Remedy("Collect rows from where the model will be used."),
                ),
            ),
        )


def _augmentation(subject: Subject) -> str:
    return "augmix" if subject.dataset.kind == "image" else "gaussian-augmentation"


def _runs(subject: Subject) -> dict[str, tuple[CorruptedPredictions, ...]]:
    n = subject.effort.attacked
    return {
        name: tuple(CorruptedPredictions(name, severity, n) for severity in SEVERITIES)
        for name in corruptions_for(subject.dataset)
    }


def _unchanged(subject: Subject) -> CorruptedPredictions:
    return CorruptedPredictions("none", 0, subject.effort.attacked)


def _figure(accuracy: Measure, kept: dict[str, np.ndarray]) -> Figure:
    series = []
    for name, rights in kept.items():
        shares = [proportion(name, int(right.sum()), len(right)) for right in rights]
        points = (accuracy, *shares)
        series.append(Series.of(name, (0, *SEVERITIES), points))
    lowest = min(series, key=lambda line: line.y[-1])
    return Figure(
        kind="line",
        title="Accuracy over severity",
        text=f"Accuracy falls most under {lowest.name}: to {lowest.y[-1]:.1%} at severity 5.",
        x_label="severity (0: unchanged)",
        y_label="accuracy",
        y_range=(0.0, 1.0),
        series=tuple(series),
    )


def _table(kept: dict[str, np.ndarray]) -> Table:
    columns = ("change", *(f"severity {severity}" for severity in SEVERITIES), "mean")
    rows = tuple(
        (name, *rights.mean(1).tolist(), float(rights.mean())) for name, rights in kept.items()
    )
    return Table("Accuracy by change and severity", columns, rows)
