from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.roles import is_known, role_column
from roadworthy.checks.examples import rows_of
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import count
from roadworthy.core.finding import Examples, Finding, Remedy


@dataclass(frozen=True)
class TemporalOverlap(Check):
    """Was the model trained on rows from after the test?

    What it does: counts the test rows that are older than the newest training row. All rows are
    looked at, so the share has no interval. Rows without a time are left out. Also gives the share
    of training rows that are newer than the oldest test row.
    Why it matters: in use, the future is not there to learn from. A random split of rows with a
    trend lets the model interpolate between known days, which is easier than looking ahead.
    When it does not apply: no time column is named, or nothing changes with time.
    How to fix: train on the past and test on what came after.
    References: Kapoor and Narayanan 2023, doi:10.1016/j.patter.2023.100804 (leakage type L3.1).

    Args:
        max_share: largest share of test rows older than the newest training row.
    """

    max_share: float = limit(0.0, "below", "a split by time leaves none")

    card = Card(
        "temporal-overlap",
        "Trained on the future",
        paper="doi:10.1016/j.patter.2023.100804",
    )
    code = "RW-LEAK-005"
    area = "methodology"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        role_column(subject.dataset, "time")
        return ()

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data = subject.dataset
        column = role_column(data, "time")
        train, test = (split.columns[column] for split in (data.train, data.test))
        in_train, in_test = is_known(train), is_known(test)
        if not in_train.any() or not in_test.any():
            raise NotAssessed(f"{column!r} has no values in one of the splits")
        rank = _ranks(np.concatenate([train[in_train], test[in_test]]))
        train_rank, test_rank = np.split(rank, [in_train.sum()])
        older = test_rank < train_rank.max()
        rows = np.flatnonzero(in_test)[older]
        unknown = int((~in_train).sum() + (~in_test).sum())
        without = f" {unknown} rows have no time." if unknown else ""
        title = "Test rows older than the newest training row"
        examples = Examples(title, rows_of(data.test, rows), total=len(rows))
        newer = float((train_rank > test_rank.min()).mean())
        return (
            self.finding(
                f"{len(rows)} of {len(test_rank)} test rows are older than the newest training "
                f"row by {column!r}.{without}",
                estimate=count(title.lower(), older.mean(), len(test_rank), "share"),
                threshold=self.threshold("max_share"),
                measures=(
                    count(
                        "training rows newer than the oldest test row",
                        newer,
                        len(train_rank),
                        "share",
                    ),
                ),
                examples=(examples,) if examples.rows else (),
                remedies=(
                    Remedy(
                        "Train on the past, test on what came after.",
                        f"roadworthy inspect {subject.arguments} --split by-time",
                    ),
                ),
            ),
        )


def _ranks(times: np.ndarray) -> np.ndarray:
    """Number times (N,) in their order; text is ordered as text."""
    comparable = times if times.dtype.kind in "iufbM" else times.astype(str)
    ranks: np.ndarray = np.unique(comparable, return_inverse=True)[1]
    return ranks
