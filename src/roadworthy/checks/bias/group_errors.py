from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.predictions import Predictions
from roadworthy.artifacts.roles import clusters, sensitive_columns
from roadworthy.checks.group_means import ScopeMeans, compare_means, often
from roadworthy.checks.group_tables import (
    Gap,
    not_crossed,
)
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit, not_assessed
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Part, largest_of
from roadworthy.core.finding import Finding, Remedy
from roadworthy.core.groups import Groups, crossings

DISTANCE = "mean error distance"
SIGNED = "mean signed error"


@dataclass(frozen=True)
class GroupErrors(Check):
    """Is the model further off, or off in another direction, for one group than for another?

    What it does: compares the mean distance of the answer from the truth, and the mean of answer
    minus truth, between all pairs of groups of each sensitive attribute and of their crossings on
    the test split; for ordered classes both count ranks. All are given as multiples of the mean
    distance over everybody. The judged number is the largest gap; the intervals of all gaps hold
    together (studentized bootstrap over rows, clustered by group where one is named), so many
    comparisons and small groups do not make a finding out of noise. Numeric attributes are cut at
    their quartiles.
    Why it matters: an average error hides whom a model misjudges; a forecast that is too high for
    some and too low for others can be right on average.
    When it does not apply: without a sensitive attribute, for classes without an order
    (`group-gaps` compares their rates), or where fewer than two groups have `min_rows` rows and ten
    errors. A group whose truth is harder to predict has larger errors without any fault of the
    model.
    How to fix: more rows of the group that fares worse; columns that tell what its truth depends
    on; a loss that weighs its rows more.
    References: Romano and Wolf 2005, doi:10.1198/016214504000000539 (joint intervals); Agarwal,
    Dudik and Wu 2019, arXiv:1905.12843 (fair regression).

    Args:
        max_gap: largest gap between two groups, as a multiple of the mean distance over all rows.
        min_rows: rows that a group needs.
    """

    max_gap: float = limit(
        0.25, "below", "a convention: an error larger by a quarter of the usual one is noticed"
    )
    min_rows: int = 30

    card = Card(
        "group-errors",
        "Error distances of groups",
        aliases=("fair-regression",),
        paper="arxiv:1905.12843",
    )
    code = "RW-BIAS-003"
    area = "bias"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        sensitive_columns(subject.dataset)
        if subject.dataset.task == Task.NOMINAL:
            raise NotAssessed(
                "the classes have no order, so an answer is right or wrong: see group-gaps "
                "(RW-BIAS-001)"
            )
        return (Predictions("test"),)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data, predictions = subject.dataset, get(Predictions("test"))
        is_number = data.task == Task.REGRESSION
        said = predictions.outputs if is_number else predictions.choice
        error = said.double().numpy() - data.test.y.double().numpy()
        usual = float(np.abs(error).mean())
        if usual == 0:
            raise NotAssessed("the model makes no error on the test split, so none can be compared")
        scopes, left_out = crossings(data.test.columns, data.roles.sensitive)
        found = compare_means(
            {scope: _numbers(error / usual, groups) for scope, groups in scopes.items()},
            scopes,
            self.min_rows,
            seed=subject.seed_for(self),
            clusters=clusters(data, data.test),
        )
        scale = f"{usual:.3g}" if is_number else f"{usual:.3g} ranks"
        concluded = [self._conclude(scope, means, scale) for scope, means in found.items()]
        return (*concluded, *not_crossed(self, left_out))

    def _conclude(self, scope: str, found: ScopeMeans, scale: str) -> Finding:
        if not found.gaps:
            reason = f"fewer than two groups of {scope} have {self.min_rows} rows and ten errors"
            return not_assessed(self, reason, scope)
        top, estimate = largest_of(found.gaps, lambda gap: gap.size)
        return self.finding(
            _claim(scope, top, found, scale),
            scope=scope,
            estimate=estimate,
            threshold=self.threshold("max_gap"),
            remedies=(
                Remedy(
                    f"Collect more rows of the groups of {scope} that fare worse, and columns that "
                    "tell what their truth depends on."
                ),
                Remedy("Train with a loss that weighs the rows of these groups more."),
            ),
            **found.shown(scope, "multiples of the mean distance"),
        )


def _numbers(error: np.ndarray, groups: Groups) -> list[Part]:
    of = often(error != 0, groups.number, np.ones(len(error), dtype=bool))
    return [Part(DISTANCE, np.abs(error), of), Part(SIGNED, error, of)]


def _claim(scope: str, top: Gap, found: ScopeMeans, scale: str) -> str:
    means = f"{top.first} {top.values[0]:.2f}, {top.second} {top.values[1]:.2f}"
    of_usual = f"times the mean distance over all rows, {scale}"
    if top.size.low > 0:
        claim = f"The groups of {scope} differ most surely in {top.of}: {means} {of_usual}"
    else:
        claim = (
            f"No gap between groups of {scope} is beyond what chance explains; the largest is "
            f"in {top.of}: {means} {of_usual}"
        )
    return f"{claim} {found.compared()}."
