from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from roadworthy.artifacts.predictions import Predictions
from roadworthy.artifacts.roles import clusters
from roadworthy.checks.repairs import by_training
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import (
    Measure,
    count,
    difference,
    largest_of,
    proportion,
    share_of_rows,
)
from roadworthy.core.finding import Figure, Finding, Remedy, Series, Table, Verdict, compare

SMALL = 0.5  # of an equal share of the training rows, below which a class is small


@dataclass(frozen=True)
class ClassImbalance(Check):
    """Is a class so rare that a model can do well without it?

    What it does: divides the number of training rows of the rarest class by that of the most
    frequent one. Nothing is sampled, so the ratio has no interval. Also gives the class whose share
    differs most between training and test split. Of classes with less than half of an equal share
    it judges on its own whether accuracy hides them: how much more often the model is right on test
    rows of other classes. That warns, and never fails.
    Why it matters: a model that never says the rare class loses little accuracy, and the rare class
    is often the one that counts.
    When it does not apply: regression. Imbalance is no error where it is that of the field, and a
    small class that the model finds as often as others is no flaw; one that it misses may be what
    an equal threshold costs.
    How to fix: collect rows of the rare class; weight classes or resample in training only; choose
    the decision threshold by cost.
    References: He and Garcia 2009, doi:10.1109/TKDE.2008.239.

    Args:
        min_ratio: least number of rows of the rarest class per row of the most frequent one.
        max_hidden: how much more often the model may be right on rows of other classes.
    """

    min_ratio: float = limit(
        0.1, "above", "a convention: below one to ten, accuracy says little of the rare class"
    )

    max_hidden: float = limit(
        0.3, "below", "no standard sets one; beyond it accuracy says little of the small class"
    )

    card = Card("class-imbalance", "A class that is rare", paper="doi:10.1109/TKDE.2008.239")
    code = "RW-DATA-001"
    area = "data"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if subject.dataset.task == Task.REGRESSION:
            raise NotAssessed("the target is a number: there are no classes")
        return (Predictions("test"),)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        is_right = (get(Predictions("test")).choice == subject.dataset.test.y).numpy()
        return (self._rarest(subject), *self._hidden(subject, is_right))

    def _rarest(self, subject: Subject) -> Finding:
        data = subject.dataset
        classes = data.classes
        train, test = (
            split.y.bincount(minlength=len(classes)).numpy() for split in (data.train, data.test)
        )
        rare, common = int(train.argmin()), int(train.argmax())
        rows = int(train.sum())
        ratio = count("rarest to most frequent class", train[rare] / train[common], rows)
        claim = f"Each class has {train[rare]} training rows."
        if train[rare] < train[common]:
            claim = (
                f"The rarest class, {classes[rare]!r}, has {train[rare]} of {rows} training rows; "
                f"{classes[common]!r} has {train[common]}."
            )
        return self.finding(
            claim,
            estimate=ratio,
            threshold=self.threshold("min_ratio"),
            measures=(
                proportion(f"share of {classes[rare]!r}", int(train[rare]), rows),
                _largest_shift(classes, train, test),
            ),
            figures=(_figure(classes, train, test),),
            tables=(
                Table(
                    "Rows per class",
                    ("class", "train", "test"),
                    tuple(zip(classes, train.tolist(), test.tolist(), strict=True)),
                ),
            ),
            remedies=(
                Remedy(f"Collect more rows of {classes[rare]!r}."),
                by_training(
                    subject,
                    "Weight the classes or resample the training rows, never the test rows, "
                    "and compare the recall of each class instead of the accuracy.",
                    "class-weights",
                ),
            ),
        )

    def _hidden(self, subject: Subject, is_right: np.ndarray) -> Iterator[Finding]:
        """Judge the class on which the model is right the least beside others, if one is small."""
        data, y = subject.dataset, subject.dataset.test.y.numpy()
        train = data.train.y.bincount(minlength=len(data.classes)).numpy()
        is_small = train < SMALL * train.sum() / len(train)
        small = [k for k in np.flatnonzero(is_small) if 0 < (y == k).sum() < len(y)]
        if not small:
            return
        parts = []
        for k in small:
            others, own = (
                self._right(subject, is_right, rows, len(small)) for rows in (y != k, y == k)
            )
            name = f"right on others rather than on {data.classes[k]!r}"
            parts.append((k, others, own, difference(name, others, own)))
        (worst, others, own, _), gap = largest_of(parts, lambda part: part[3])
        threshold = self.threshold("max_hidden")
        verdict = compare(gap, threshold)
        yield self.finding(
            f"The model is right on {own.value:.1%} of {own.n} test rows of "
            f"{data.classes[worst]!r}, a small class, and on {others.value:.1%} of the others.",
            scope="hidden class",
            # it may be what the field is like, or the right choice of a threshold
            verdict=Verdict.WARN if verdict is Verdict.FAIL else verdict,
            estimate=gap,
            threshold=threshold,
            measures=tuple(part[3] for part in parts),
            remedies=(
                Remedy(
                    "Give the recall of each class beside the accuracy, and choose the decision "
                    "threshold by what each error costs."
                ),
                by_training(subject, "Weight the classes in training.", "class-weights"),
            ),
        )

    def _right(
        self, subject: Subject, is_right: np.ndarray, rows: np.ndarray, comparisons: int
    ) -> Measure:
        test = subject.dataset.test.take(torch.from_numpy(rows))
        return share_of_rows("right", is_right[rows], clusters(subject.dataset, test), comparisons)


def _largest_shift(classes: tuple[str, ...], train: np.ndarray, test: np.ndarray) -> Measure:
    k = int(np.abs(test / test.sum() - train / train.sum()).argmax())
    name = f"share of {classes[k]!r}, test minus train"
    shares = (proportion(name, int(rows[k]), int(rows.sum())) for rows in (test, train))
    return difference(name, *shares)


def _figure(classes: tuple[str, ...], train: np.ndarray, test: np.ndarray) -> Figure:
    return Figure(
        kind="bar",
        title="Rows per class",
        text=f"Rows per class: {train.min()} to {train.max()} in train, "
        f"{test.min()} to {test.max()} in test.",
        x_label="class",
        y_label="rows",
        series=(
            Series("train", classes, tuple(train.astype(float).tolist())),
            Series("test", classes, tuple(test.astype(float).tolist())),
        ),
    )
