from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.roles import clusters, role_column
from roadworthy.checks.examples import rows_of
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.estimates import Measure, count
from roadworthy.core.finding import Examples, Finding, Remedy


@dataclass(frozen=True)
class GroupOverlap(Check):
    """Are rows of one group, such as a patient, in both splits?

    What it does: counts the test rows whose group also has training rows. All rows are looked at,
    so the share has no interval. A row without a group value counts as its own group. Also counts
    groups whose rows bear different labels.
    Why it matters: the model can recognize the patient instead of the illness; what is measured
    then is not how it does on people it has never seen.
    When it does not apply: no group column is named; rows are independent; or the model is meant
    for the very groups it was trained on.
    How to fix: put all rows of a group into one split.
    References: Kapoor and Narayanan 2023, doi:10.1016/j.patter.2023.100804 (leakage type L3.2);
    Roberts et al. 2021, doi:10.1038/s42256-021-00307-0.

    Args:
        max_share: largest share of test rows whose group is in the training split.
    """

    max_share: float = limit(0.0, "below", "a split by group leaves none")

    card = Card(
        "group-overlap",
        "One group in both splits",
        aliases=("patient-overlap",),
        paper="doi:10.1016/j.patter.2023.100804",
    )
    code = "RW-LEAK-003"
    area = "methodology"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        role_column(subject.dataset, "group")
        return ()

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data = subject.dataset
        column = role_column(data, "group")
        groups = clusters(data, data.train, data.test)
        assert groups is not None
        train, test = np.split(groups, [len(data.train)])
        known = np.flatnonzero(np.isin(test, train))
        shared = np.unique(test[known])
        here = len(np.unique(test))
        share = len(known) / len(test)
        measures = [
            count("groups in both splits", len(shared), len(np.unique(groups))),
            count("groups of the test split also in train", len(shared) / here, here, "share"),
        ]
        if data.task != Task.REGRESSION:
            y = np.concatenate([data.train.y.numpy(), data.test.y.numpy()])
            measures.append(_torn_groups(groups, y))
        title = "Test rows whose group is also in train"
        examples = Examples(title, rows_of(data.test, known), total=len(known))
        return (
            self.finding(
                f"{len(known)} of {len(test)} test rows belong to a {column!r} that also has "
                f"training rows; {len(shared)} groups are in both splits.",
                estimate=count("test rows of known groups", share, len(test), "share"),
                threshold=self.threshold("max_share"),
                measures=tuple(measures),
                examples=(examples,) if examples.rows else (),
                remedies=(
                    Remedy(
                        "Put all rows of a group into one split and train again.",
                        f"roadworthy inspect {subject.arguments} --split by-group",
                    ),
                ),
            ),
        )


def _torn_groups(groups: np.ndarray, y: np.ndarray) -> Measure:
    """Count the groups that have rows of more than one class."""
    pairs = np.unique(np.stack([groups, y]), axis=1)
    labels = np.unique(pairs[0], return_counts=True)[1]
    return count("groups with several labels", int((labels > 1).sum()), len(labels))
