from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from roadworthy.artifacts.duplicates import EqualRows, NearDuplicates, NearDuplicatesValue
from roadworthy.checks.examples import MOST_ROWS, pictures_of, rows_of, texts_side_by_side
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS
from roadworthy.core.estimates import count, proportion
from roadworthy.core.finding import Examples, Finding, Remedy


@dataclass(frozen=True)
class NearDuplicateRows(Check):
    """Do test rows nearly repeat training rows?

    What it does: images: each test image retrieves its nearest training images, and a pair counts
    when its whitened pixels, shifted, mirrored and zoomed a little, correlate far more than those
    of the image's other neighbors. Tables: a pair counts when its distance, in units of each
    column's spread, is far below that to the fifth neighbor, given how many dimensions the rows
    fill. In both, the threshold is such that chance gives 0.01 pairs in the whole comparison.
    Texts: a pair counts when it shares four fifths of its runs of five characters (Jaccard index),
    case and spaces aside, and has at least 20 of them.
    Counted are test rows with such a partner that have no exact copy in the training split (those
    are RW-LEAK-001). Large splits are compared by random rows, which misses pairs.
    Why it matters: crops, mirror images, neighboring video frames or a patient measured twice are
    nearly seen in training; 3.3 % of CIFAR-10's test images are such, and results drop without.
    When it does not apply: fewer than 50 training rows, images below 8 pixels. Rotation, strong
    crops and copies in other words are not seen. In coarse tables near rows can be natural.
    How to fix: keep copies on one side of the split; group by origin.
    References: Barz and Denzler 2020, doi:10.3390/jimaging6060041; Facco et al. 2017,
    doi:10.1038/s41598-017-11873-y (for tables); Broder 1997, doi:10.1109/SEQUEN.1997.666900, and
    Lee et al. 2022, arXiv:2107.06499 (for texts).

    Args:
        max_share: largest share of test rows that nearly repeat a training row.
    """

    max_share: float = limit(
        0.005, "below", "so few cannot move a reported accuracy by more than 0.5 points"
    )

    card = Card(
        "near-duplicates",
        "Test rows nearly seen in training",
        paper="doi:10.3390/jimaging6060041",
        cost="minutes",
    )
    code = "RW-LEAK-002"
    area = "methodology"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        return (EqualRows(), NearDuplicates(subject.effort.judged))

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data, pairs = subject.dataset, get(NearDuplicates(subject.effort.judged))
        equal = get(EqualRows())
        seen = torch.isin(equal.test[pairs.test], equal.train)
        pair = (~seen).nonzero()[:, 0].numpy()
        # the clearest pair of each test row; pairs come sorted
        pair = pair[np.sort(np.unique(pairs.test.numpy()[pair], return_index=True)[1])]
        examples = _examples(subject, pairs, pair)
        is_whole = pairs.compared_test == len(data.test)
        name = "test rows nearly seen in training"
        n = pairs.compared_test
        estimate = (
            count(name, len(pair) / n, n, "share") if is_whole else proportion(name, len(pair), n)
        )
        return (
            self.finding(
                f"{len(pair)} of {n} test rows nearly repeat one of {pairs.compared_train} "
                f"training rows{_shortfall(pairs, len(data.test), len(data.train))}.",
                estimate=estimate,
                threshold=self.threshold("max_share"),
                examples=examples,
                remedies=_remedies(subject, self.code) if examples else (),
            ),
        )


def _shortfall(pairs: NearDuplicatesValue, test: int, train: int) -> str:
    if (pairs.compared_test, pairs.compared_train) == (test, train):
        return ""
    return (
        f" (drawn from {test} test and {train} training rows, so there are more; --budget thorough "
        "compares more)"
    )


def _remedies(subject: Subject, code: str) -> tuple[Remedy, ...]:
    return (
        Remedy("Give copies of one thing a common group and split by it."),
        Remedy(
            "Leave these rows out and judge again.",
            f"roadworthy inspect {subject.arguments} --without DIR/rows/{code}.csv",
        ),
    )


def _examples(
    subject: Subject, pairs: NearDuplicatesValue, pair: np.ndarray
) -> tuple[Examples, ...]:
    if len(pair) == 0:
        return ()
    data = subject.dataset
    test, train = pairs.test.numpy()[pair], pairs.train.numpy()[pair]
    partners = data.train.ids.numpy()[train]
    likeness = pairs.score.numpy()[pair]
    details = tuple(
        f"like train {row} ({score:.2f})"
        for row, score in zip(partners[:MOST_ROWS], likeness[:MOST_ROWS], strict=True)
    )
    own = pictures_of(data, data.test, test, [f"test {row}" for _, row in rows_of(data.test, test)])
    other = pictures_of(data, data.train, train, [f"train {row}" for row in partners])
    side_by_side = tuple(picture for both in zip(own, other, strict=True) for picture in both)
    return (
        Examples(
            "Test rows and the training rows they repeat",
            rows_of(data.test, test),
            details,
            side_by_side,
            table=texts_side_by_side(data, {"test": test, "train": train}),
            total=len(pair),
        ),
    )
