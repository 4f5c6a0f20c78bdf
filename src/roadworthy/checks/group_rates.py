"""Rates of classes in groups, and the gaps between them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from roadworthy.checks.group_tables import Gap
from roadworthy.core.dataset import Dataset
from roadworthy.core.estimates import Measure, design_effect, equality, gap, holm, proportion, ratio
from roadworthy.core.groups import AND, Groups


@dataclass(frozen=True, eq=False)
class Rate:
    """A share of rows: which of the rows `of` (N,) are `hit` (N,).

    Args:
        name: with the class, where there are more than two.
        of: (N,) bool, the rows it is a share of.
        hit: (N,) bool, the rows that count.
        positive: the class it is about; None for all.
        is_judged: a gap in it is a defect; other rates are only shown.
    """

    name: str
    of: np.ndarray
    hit: np.ndarray
    positive: int | None = None
    is_judged: bool = True


def rates_of(data: Dataset, choice: np.ndarray) -> list[Rate]:
    """Define the rates of the chosen classes (N,) of the test rows."""
    y, everyone = data.test.y.numpy(), np.ones(len(choice), dtype=bool)
    rates = [Rate("accuracy", everyone, choice == y)]
    is_binary = len(data.classes) == 2
    for k in [1] if is_binary else range(len(data.classes)):
        of_class = "" if is_binary else f" of {data.classes[k]}"
        chosen = choice == k
        rates += [
            Rate(f"selection rate{of_class}", everyone, chosen, k, is_judged=False),
            Rate(f"true positive rate{of_class}", y == k, chosen, k),
            Rate(f"false positive rate{of_class}", y != k, chosen, k),
            # its gaps are those of the true positive rate
            Rate(f"false negative rate{of_class}", y == k, ~chosen, k, is_judged=False),
            Rate(f"positive predictive value{of_class}", chosen, y == k, k, is_judged=False),
        ]
    return rates


@dataclass(frozen=True)
class Share:
    """A rate in a group.

    Args:
        measure: the rate.
        design: how many of its rows count as one; see `design_effect`.
    """

    measure: Measure
    design: float

    @property
    def value(self) -> float:
        """The estimate."""
        return self.measure.value


def shares(
    rate: Rate,
    groups: Groups,
    together: np.ndarray | None,
    without: set[str],
    comparisons: int = 1,
) -> dict[str, Share]:
    """Estimate a rate in each group that has rows for it; rows of a number (N,) belong together."""
    rows, hits = _counts(rate, groups)
    found = {}
    for k, name in enumerate(groups.names):
        if rows[k] and name not in without:
            design = 1.0
            if together is not None:
                of = np.flatnonzero(rate.of & (groups.number == k))
                design = design_effect(rate.hit[of], together[of], comparisons)
            called = f"{rate.name}, {name}"
            measure = proportion(called, int(hits[k]), int(rows[k]), comparisons, design=design)
            found[name] = Share(measure, design)
    return found


def ratio_of(name: str, a: Share, b: Share, comparisons: int) -> Measure:
    """Estimate share `a` over share `b` of independent samples; `b` must not be 0."""
    return ratio(name, a.measure, b.measure, comparisons, (a.design, b.design))


def _counts(rate: Rate, groups: Groups) -> tuple[np.ndarray, np.ndarray]:
    """Count the rows (G,) that a rate is a share of, and those that count."""
    many = len(groups.names)
    counts = [
        np.bincount(groups.number[of], minlength=many) for of in (rate.of, rate.of & rate.hit)
    ]
    return counts[0], counts[1]


def compare_rates(
    rates: list[Rate], scopes: Mapping[str, Groups], together: np.ndarray | None, min_rows: int
) -> dict[str, list[Gap]]:
    """Compare all pairs of groups of each scope in all judged rates that both have rows for.

    Rows of one number (N,) belong together; None has all rows independent. The intervals of all
    gaps of all scopes hold together, and p-values are corrected for all. Where there are crossings,
    half of the chance of an error is theirs, so that their many comparisons do not hide what an
    attribute alone shows.
    """
    families = [
        {scope: groups for scope, groups in scopes.items() if (AND in scope) == is_crossed}
        for is_crossed in (False, True)
    ]
    families = [family for family in families if family]
    return {
        scope: gaps
        for family in families
        for scope, gaps in _compare_family(rates, family, together, min_rows, len(families)).items()
    }


def _compare_family(
    rates: list[Rate],
    scopes: Mapping[str, Groups],
    together: np.ndarray | None,
    min_rows: int,
    families: int,
) -> dict[str, list[Gap]]:
    judged = [rate for rate in rates if rate.is_judged]
    large = {
        (scope, rate.name): _large(rate, groups, min_rows)
        for scope, groups in scopes.items()
        for rate in judged
    }
    comparisons = max(1, families * sum(math.comb(len(names), 2) for names in large.values()))
    found: list[tuple[str, Gap]] = []
    for scope, groups in scopes.items():
        for rate in judged:
            share = shares(rate, groups, together, set(), comparisons)
            for first, second in combinations(large[scope, rate.name], 2):
                found.append((scope, _gap(rate, share[first], share[second], first, second)))
    corrected = np.minimum(1, families * holm(np.array([gap.p_value for _, gap in found])))
    gaps: dict[str, list[Gap]] = {scope: [] for scope in scopes}
    for (scope, between), p_value in zip(found, corrected.tolist(), strict=True):
        gaps[scope].append(replace(between, p_value=p_value))
    return gaps


def _large(rate: Rate, groups: Groups, min_rows: int) -> list[str]:
    rows, _ = _counts(rate, groups)
    return [name for name, n in zip(groups.names, rows, strict=True) if n >= min_rows]


def _gap(rate: Rate, a: Share, b: Share, first: str, second: str) -> Gap:
    size = gap(f"gap in {rate.name} between {first} and {second}", a.measure, b.measure)
    p_value = equality(a.measure, b.measure, (a.design, b.design))
    return Gap(rate.name, first, second, (a.value, b.value), size, p_value)
