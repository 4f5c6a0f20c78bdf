"""What checks of groups show: numbers by group, gaps between groups, and who was too few."""

from collections.abc import Mapping
from dataclasses import dataclass

from roadworthy.core.check import Check, not_assessed
from roadworthy.core.estimates import Measure
from roadworthy.core.finding import Figure, Finding, Series, Table

SHOWN = 12  # rows of the table of gaps, groups of a figure, groups that a sentence names


@dataclass(frozen=True)
class Gap:
    """A difference of a number between the groups `first` and `second`.

    Args:
        of: the number that differs.
        first: a group.
        second: another one.
        values: the number in each.
        size: how far apart they are; its interval holds together with those of all other gaps.
        p_value: of no difference, corrected for the number of comparisons.
    """

    of: str
    first: str
    second: str
    values: tuple[float, float]
    size: Measure
    p_value: float


def too_small(sizes: Mapping[str, int], small: set[str]) -> str:
    """Name the groups that were too small to compare, the largest first; empty if none was."""
    if not small:
        return ""
    names = [
        f"{name} ({sizes[name]})" for name in sorted(small, key=lambda name: (-sizes[name], name))
    ]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"; too small to compare: {', '.join(names[:SHOWN])}{more}"


def group_table(
    scope: str, sizes: Mapping[str, int], shown: Mapping[str, Mapping[str, Measure]]
) -> Table:
    """Tabulate numbers by group: `shown` gives them by name and then by group."""

    def cells(group: str) -> list[float | None]:
        return [by[group].value if group in by else None for by in shown.values()]

    lines = tuple((group, n, *cells(group)) for group, n in sizes.items())
    return Table(f"By {scope}", ("group", "rows", *shown), lines)


def gap_table(scope: str, gaps: list[Gap]) -> Table:
    """Tabulate the surest gaps."""
    order = sorted(gaps, key=lambda gap: (gap.p_value, -gap.size.value))[:SHOWN]
    return Table(
        f"Gaps by {scope}, {len(order)} of {len(gaps)}",
        ("of", "group", "and group", "gap", "low", "high", "p corrected"),
        tuple(
            (g.of, g.first, g.second, g.size.value, g.size.low, g.size.high, g.p_value)
            for g in order
        ),
    )


def group_figure(
    scope: str,
    sizes: Mapping[str, int],
    shown: Mapping[str, Mapping[str, Measure]],
    y_label: str,
    y_range: tuple[float, ...] = (),
) -> Figure:
    """Draw numbers by group with their intervals, of the largest groups if there are many."""
    largest = set(sorted(sizes, key=lambda name: -sizes[name])[:SHOWN])
    most = f" The {SHOWN} largest of {len(sizes)} groups." if len(sizes) > SHOWN else ""
    series = []
    for name, by in shown.items():
        drawn = {group: measure for group, measure in by.items() if group in largest}
        series.append(Series.of(name, drawn, tuple(drawn.values())))
    return Figure(
        kind="bar",
        title=f"By {scope}",
        text=f"{', '.join(shown)} by group of {scope}, with 95 % intervals.{most}",
        x_label=scope,
        y_label=y_label,
        y_range=y_range,
        series=tuple(series),
    )


def not_crossed(check: Check, reasons: list[str]) -> tuple[Finding, ...]:
    """Say which crossings of attributes were left out, if any."""
    return (not_assessed(check, "; ".join(reasons), "other crossings"),) if reasons else ()
