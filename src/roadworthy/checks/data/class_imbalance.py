from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.checks.repairs import by_training
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, count, difference, proportion
from roadworthy.core.finding import Figure, Finding, Remedy, Series, Table


@dataclass(frozen=True)
class ClassImbalance(Check):
    """Is a class so rare that a model can do well without it?

    What it does: divides the number of training rows of the rarest class by that of the most
    frequent one. Nothing is sampled, so the ratio has no interval. Also gives the class whose share
    differs most between training and test split.
    Why it matters: a model that never says the rare class loses little accuracy, and the rare class
    is often the one that counts.
    When it does not apply: regression. Imbalance is no error where it is that of the field; then
    judge by the recall of the rare class, not by accuracy.
    How to fix: collect rows of the rare class; weight classes or resample in training only; choose
    the decision threshold by cost.
    References: He and Garcia 2009, doi:10.1109/TKDE.2008.239.

    Args:
        min_ratio: least number of rows of the rarest class per row of the most frequent one.
    """

    min_ratio: float = limit(
        0.1, "above", "a convention: below one to ten, accuracy says little of the rare class"
    )

    card = Card("class-imbalance", "A class that is rare", paper="doi:10.1109/TKDE.2008.239")
    code = "RW-DATA-001"
    area = "data"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if subject.dataset.task == Task.REGRESSION:
            raise NotAssessed("the target is a number: there are no classes")
        return ()

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
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
        return (
            self.finding(
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
            ),
        )


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
