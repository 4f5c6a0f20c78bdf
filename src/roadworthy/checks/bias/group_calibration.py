from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.halves import halves
from roadworthy.artifacts.predictions import Predictions, PredictionsValue
from roadworthy.artifacts.roles import clusters, sensitive_columns
from roadworthy.checks.group_means import LEAST_EVENTS, ScopeMeans, compare_means, often
from roadworthy.checks.group_tables import (
    Gap,
    not_crossed,
)
from roadworthy.checks.repairs import by_guard
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit, not_assessed
from roadworthy.core.dataset import KINDS, Dataset, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Part, largest_of
from roadworthy.core.finding import Finding, Remedy
from roadworthy.core.groups import Groups, crossings
from roadworthy.core.model import Offer, require

ROWS_PER_BIN = 100
MOST_BINS = 10
MOST_CLASSES = 10


@dataclass(frozen=True)
class GroupCalibration(Check):
    """Does a probability mean the same for one group as for another?

    What it does: compares between all pairs of groups of each sensitive attribute, and of their
    crossings, on the test split: calibration in the large, the mean of what the model states minus
    what came true; and the calibration error, its mean distance from the truth in bins of equal
    size. With two classes the probability of the second is compared; with more the confidence in
    the chosen class, and in the large the probability of each of at most ten classes. A mean
    distance is too large by chance, and more so in a small group. So one half of the group's rows
    tells in each bin whether the model states too much or too little, and the other half by how
    much: if chance was all, the second half averages out to nothing, or a little below. All groups
    of an attribute have as many bins: one per 100 rows of the smallest, at most 10. The judged
    number is the largest gap; the intervals of all gaps hold together (studentized bootstrap over
    rows, clustered by group where one is named).
    Why it matters: who acts on a probability treats people unalike if 70 % means 70 % for some and
    50 % for others.
    When it does not apply: without a sensitive attribute, models that give labels only, regression,
    fewer than two groups of `min_rows` rows in which each outcome occurs ten times. The error is a
    lower bound: errors cancel inside a bin, and where the first half guesses the direction wrongly.
    How to fix: calibrate each group on rows of its own that were left out of the training; columns
    that tell what sets the groups apart.
    References: Chouldechova 2017, arXiv:1610.07524, and Kleinberg et al. 2017, arXiv:1609.05807
    (calibration within groups, and what it excludes); Kumar, Liang and Ma 2019, arXiv:1909.10155
    (bias and lower bound of binned errors); Romano and Wolf 2005, doi:10.1198/016214504000000539.

    Args:
        max_gap: largest gap between two groups in what the model states too much or too little.
        min_rows: rows that a group needs.
    """

    max_gap: float = limit(
        0.05, "below", "a convention: a stated 90 % then means nearly the same in all groups"
    )
    min_rows: int = 100

    card = Card(
        "group-calibration",
        "Probabilities that mean less for some",
        aliases=("calibration-within-groups", "sufficiency"),
        paper="arxiv:1609.05807",
    )
    code = "RW-BIAS-002"
    area = "bias"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        sensitive_columns(subject.dataset)
        if subject.dataset.task == Task.REGRESSION:
            raise NotAssessed("calibration is about class probabilities; the target is a number")
        require(subject.model, Offer.SCORES)
        return (Predictions("test"),)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data, seed = subject.dataset, subject.seed_for(self)
        people = clusters(data, data.test)
        statements = _statements(data, get(Predictions("test")))
        is_second = halves(len(data.test), people, seed)
        scopes, left_out = crossings(data.test.columns, data.roles.sensitive)
        found = compare_means(
            {
                scope: self._numbers(statements, groups, is_second)
                for scope, groups in scopes.items()
            },
            scopes,
            self.min_rows,
            seed=seed,
            clusters=people,
            unit="share",
        )
        concluded = [self._conclude(subject, scope, means) for scope, means in found.items()]
        return (*concluded, *not_crossed(self, left_out))

    def _numbers(
        self, statements: "list[_Statement]", groups: Groups, is_second: np.ndarray
    ) -> list[Part]:
        large = [n for n in groups.sizes.values() if n >= self.min_rows]
        bins = min(MOST_BINS, max(1, min(large, default=0) // ROWS_PER_BIN))
        group, main = groups.number, statements[0]
        everyone = np.ones(len(group), dtype=bool)
        distance = honest_error(main.stated, main.came_true, group, is_second, bins)
        error = Part("calibration error", distance, has_both(main.came_true, group, is_second))
        in_the_large = [
            Part(say.name, say.stated - say.came_true, has_both(say.came_true, group, everyone))
            for say in statements
        ]
        return [*in_the_large, error]

    def _conclude(self, subject: Subject, scope: str, found: ScopeMeans) -> Finding:
        if not found.gaps:
            reason = (
                f"fewer than two groups of {scope} have {self.min_rows} rows with each outcome at "
                f"least {LEAST_EVENTS} times"
            )
            return not_assessed(self, reason, scope)
        top, estimate = largest_of(found.gaps, lambda gap: gap.size)
        return self.finding(
            _claim(scope, top, found),
            scope=scope,
            estimate=estimate,
            threshold=self.threshold("max_gap"),
            remedies=(
                Remedy(
                    f"Calibrate each group of {scope} on rows of its own that were left out of the "
                    "training, where the law allows it."
                ),
                by_guard(
                    subject,
                    "Where the model is too sure of all groups, and of some more than of others, "
                    "divide the logits by one number (temperature scaling).",
                    "temperature",
                    is_first=False,
                ),
            ),
            **found.shown(scope, "stated minus true"),
        )


@dataclass(frozen=True, eq=False)
class _Statement:
    """What the model states of each row (N,), and whether it came true (N,)."""

    name: str
    stated: np.ndarray
    came_true: np.ndarray


def _statements(data: Dataset, predictions: PredictionsValue) -> list[_Statement]:
    """List what is compared; the first is the one of which the calibration error is taken."""
    probabilities, y = predictions.probabilities.numpy(), data.test.y.numpy()
    of_class = [
        _Statement(f"stated minus true share of {name}", probabilities[:, k], y == k)
        for k, name in enumerate(data.classes[:MOST_CLASSES])
    ]
    if len(data.classes) == 2:
        return of_class[1:]
    right = predictions.choice.numpy() == y
    return [_Statement("confidence minus accuracy", probabilities.max(1), right), *of_class]


def has_both(came_true: np.ndarray, group: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Keep those of the rows `of` (N,) in whose group (N,) each outcome is seen often enough."""
    return often(came_true, group, of) & often(~came_true, group, of)


def honest_error(
    stated: np.ndarray,
    came_true: np.ndarray,
    group: np.ndarray,
    is_second: np.ndarray,
    bins: int,
) -> np.ndarray:
    """Give numbers (N,) whose mean over the second half of a group is its calibration error.

    A row has stated − came true, with the sign that the first half of its bin has on average.

    Args:
        stated: (N,) probability of each row.
        came_true: (N,) bool, whether it did.
        group: (N,) number of the group of each row.
        is_second: (N,) bool, the half that is averaged.
        bins: parts of equal size into which each group is cut by `stated`.
    """
    order = np.lexsort((stated, group))
    size = np.bincount(group)
    rank = np.empty(len(stated), dtype=np.int64)
    rank[order] = np.arange(len(stated)) - np.repeat(size.cumsum() - size, size)
    place = group * bins + rank * bins // size[group]
    off = stated - came_true
    first = np.bincount(place, np.where(is_second, 0, off), minlength=len(size) * bins)
    return np.sign(first)[place] * off


def _claim(scope: str, top: Gap, found: ScopeMeans) -> str:
    means = f"{top.first} {top.values[0]:+.1%}, {top.second} {top.values[1]:+.1%}"
    if top.size.low > 0:
        claim = f"The groups of {scope} differ most surely in {top.of}: {means}"
    else:
        claim = (
            f"No gap in calibration between groups of {scope} is beyond what chance explains; the "
            f"largest is in {top.of}: {means}"
        )
    return f"{claim} {found.compared()}."
