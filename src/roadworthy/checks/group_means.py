"""Means of numbers in groups, and the gaps between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from roadworthy.checks.group_tables import Gap, gap_table, group_figure, group_table, too_small
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, Part, differences, without_sign
from roadworthy.core.groups import Groups

LEAST_EVENTS = 10


@dataclass(frozen=True, eq=False)
class ScopeMeans:
    """What was found of one attribute or crossing.

    Args:
        sizes: rows of each group.
        small: groups that were too small to compare.
        means: by name of the number and by group.
        gaps: between all pairs of groups in all numbers; none where fewer than two are large.
    """

    sizes: dict[str, int]
    small: set[str]
    means: dict[str, dict[str, Measure]]
    gaps: list[Gap]

    def shown(self, scope: str, y_label: str) -> dict[str, Any]:
        """Give what a finding about it shows: its measures, a chart and two tables."""
        return {
            "measures": tuple(mean for by in self.means.values() for mean in by.values()),
            "figures": (group_figure(scope, self.sizes, self.means, y_label),),
            "tables": (group_table(scope, self.sizes, self.means), gap_table(scope, self.gaps)),
        }

    def compared(self) -> str:
        """Say how many comparisons there were, and which groups were too small for one."""
        return f"({len(self.gaps)} comparisons{too_small(self.sizes, self.small)})"


def often(events: np.ndarray, group: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Keep those of the rows `of` (N,) in whose group (N,) enough of them are events (N,).

    The mean of what is nearly always the same has no interval that can be trusted.
    """
    kept: np.ndarray = of & (np.bincount(group, of & events) >= LEAST_EVENTS)[group]
    return kept


def compare_means(
    numbers: Mapping[str, list[Part]],
    scopes: Mapping[str, Groups],
    min_rows: int,
    *,
    seed: int,
    clusters: np.ndarray | None,
    unit: str = "",
) -> dict[str, ScopeMeans]:
    """Compare all pairs of groups of each scope in the numbers of that scope, over the rows `of`.

    A group needs `min_rows` rows, or clusters where rows are not independent. The intervals of all
    gaps of all scopes hold together; p-values are corrected for all of them.

    Raises:
        NotAssessed: no scope has two groups that are large enough.
    """
    units = {scope: _units(groups, clusters) for scope, groups in scopes.items()}
    large = {
        scope: {name for name, n in by_group.items() if n >= min_rows}
        for scope, by_group in units.items()
    }
    cells = [
        (scope, number.name, group, Part(f"{number.name}, {group}", number.values, of))
        for scope, groups in scopes.items()
        for number in numbers[scope]
        for k, group in enumerate(groups.names)
        if group in large[scope] and (of := number.of & (groups.number == k)).any()
    ]
    pairs = [
        (f"gap in {a[1]} between {a[2]} and {b[2]}", i, j)
        for (i, a), (j, b) in combinations(enumerate(cells), 2)
        if a[:2] == b[:2]
    ]
    if not pairs:
        named = ", ".join(scopes)
        raise NotAssessed(
            f"fewer than two groups of {named} have {min_rows} rows that can be compared"
        )
    parts = [cell[3] for cell in cells]
    found = differences(parts, pairs, seed=seed, clusters=clusters, unit=unit)
    gaps: dict[str, list[Gap]] = {scope: [] for scope in scopes}
    for (_, i, j), size, p_value in zip(pairs, found.sizes, found.p_values.tolist(), strict=True):
        scope, of, first, _ = cells[i]
        values = found.means[i].value, found.means[j].value
        between = Gap(of, first, cells[j][2], values, without_sign(size), p_value)
        gaps[scope].append(between)
    means: dict[str, dict[str, dict[str, Measure]]] = {scope: {} for scope in scopes}
    for (scope, of, group, _), measure in zip(cells, found.means, strict=True):
        means[scope].setdefault(of, {})[group] = measure
    return {
        scope: ScopeMeans(groups.sizes, set(units[scope]) - large[scope], means[scope], gaps[scope])
        for scope, groups in scopes.items()
    }


def _units(groups: Groups, clusters: np.ndarray | None) -> dict[str, int]:
    """Count the independent rows of each group."""
    if clusters is None:
        return groups.sizes
    pairs = np.unique(np.stack([groups.number, clusters]), axis=1)
    rows = np.bincount(pairs[0], minlength=len(groups.names))
    return dict(zip(groups.names, rows.tolist(), strict=True))
