from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.fold_errors import FoldErrors
from roadworthy.artifacts.learner import is_refit
from roadworthy.artifacts.roles import clusters, role_column
from roadworthy.checks.doubt import judged_beyond_doubt
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import bootstrap, paired_difference
from roadworthy.core.finding import Finding, Remedy, Verdict


@dataclass(frozen=True)
class SplitGap(Check):
    """Does the model look better where rows of one group lie on both sides of a split?

    What it does: cross-validates the same training twice on the same rows: with random folds, and
    with folds that keep each group whole (a quick linear model stands in where the model cannot be
    trained again, and the finding says so). Judges by how much the error is higher by group, by a
    paired bootstrap over groups. Where the data's own split keeps groups apart, the gap is shown
    and passes: nothing that was reported profits from it.
    Why it matters: with some images of a patient in training, recognizing the patient is enough to
    be right on the others. The gap is what a score on a random split promises too much.
    When it does not apply: no group column is named; every row is a group of its own. A quick
    linear model recognizes less than a large one: its gap can be too small.
    How to fix: split by group, and report that score.
    References: Kapoor and Narayanan 2023, doi:10.1016/j.patter.2023.100804 (leakage type L3.2);
    Saeb et al. 2017, doi:10.1093/gigascience/gix019.

    Args:
        max_gap: largest rise of the error (of numbers: in spreads of the target) by group.
    """

    max_gap: float = limit(
        0.05, "below", "five points are more than models that compete usually differ by"
    )

    card = Card(
        "split-gap",
        "Better by knowing the group",
        aliases=("group-split-gap",),
        paper="doi:10.1093/gigascience/gix019",
    )
    code = "RW-LEAK-009"
    area = "methodology"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        data = subject.dataset
        column = role_column(data, "group")
        groups = clusters(data, data.train)
        assert groups is not None
        if len(np.unique(groups)) == len(groups):
            raise NotAssessed(f"every training row has a {column!r} of its own")
        return (FoldErrors(),)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data, value = subject.dataset, get(FoldErrors())
        groups, seed = clusters(data, data.train.take(value.rows)), subject.seed_for(self)
        by_group, at_random = value.by_group.numpy(), value.at_random.numpy()
        gap = paired_difference(
            "rise of the error by group", by_group, at_random, seed=seed, clusters=groups
        )
        errors = tuple(
            bootstrap(
                f"error, folds {how}",
                lambda rows, of=of: float(of[rows].mean()),  # type: ignore[misc]
                len(of),
                seed=seed,
                clusters=groups,
            )
            for how, of in (("by group", by_group), ("at random", at_random))
        )
        is_number = data.task == Task.REGRESSION
        what = "a mean error (in spreads of the target)" if is_number else "a share of errors"
        who = "the model, trained again," if is_refit(subject) else "a quick linear model"
        column = role_column(data, "group")
        claim = (
            f"Cross-validated at random, {who} has {what} of {errors[1].value:.3f}; with each "
            f"{column!r} kept whole, {errors[0].value:.3f}"
        )
        if _keeps_groups_apart(subject):
            return (
                self.finding(
                    f"{claim}. The split keeps groups apart, so no score profits from it.",
                    verdict=Verdict.PASS,
                    measures=(gap, *errors),
                ),
            )
        threshold = self.threshold("max_gap")
        verdict, reason = judged_beyond_doubt(gap, threshold)
        return (
            self.finding(
                f"{claim}.",
                verdict=verdict,
                reason=reason,
                estimate=gap,
                threshold=threshold,
                measures=errors,
                remedies=(
                    Remedy(
                        "Put all rows of a group into one split and judge again.",
                        f"roadworthy inspect {subject.arguments} --split by-group",
                    ),
                ),
            ),
        )


def _keeps_groups_apart(subject: Subject) -> bool:
    data = subject.dataset
    groups = clusters(data, data.train, data.test)
    assert groups is not None
    train, test = np.split(groups, [len(data.train)])
    return not np.isin(test, train).any()
