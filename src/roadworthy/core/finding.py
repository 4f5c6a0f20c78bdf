import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from roadworthy.core.estimates import Measure


class Verdict(StrEnum):
    """What a finding comes to, from best to worst in `SEVERITY`."""

    PASS = "pass"
    NOT_ASSESSED = "not_assessed"
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"


SEVERITY = {verdict: rank for rank, verdict in enumerate(Verdict)}


@dataclass(frozen=True)
class Threshold:
    """The limit that an estimate was judged by.

    Args:
        name: the check's field, as in the policy file.
        limit: the number.
        good: on which side of the limit a model should be.
        source: where the number comes from.
    """

    name: str
    limit: float
    good: Literal["below", "above"]
    source: str


def compare(estimate: Measure, threshold: Threshold) -> Verdict:
    """Judge an interval: clearly beyond the limit fails, clearly within passes, else it warns."""
    low, high = estimate.low, estimate.high
    if threshold.good == "above":
        low, high = -high, -low
    limit = threshold.limit if threshold.good == "below" else -threshold.limit
    if high <= limit:
        return Verdict.PASS
    return Verdict.FAIL if low > limit else Verdict.WARN


def compare_gain(gain: Measure, threshold: Threshold) -> Verdict:
    """Judge a gain that must lie above a limit: at it, as that of a constant model, is no gain."""
    if gain.high <= threshold.limit:
        return Verdict.FAIL
    return Verdict.WARN if gain.low <= threshold.limit else Verdict.PASS


@dataclass(frozen=True)
class Series:
    """One line, set of bars or set of points of a figure.

    Args:
        name: its name in the legend.
        x: numbers or category names.
        y: numbers.
        low: lower ends of the intervals of `y`, or empty.
        high: upper ends.
    """

    name: str
    x: tuple[float | str, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        assert all(map(math.isfinite, (*self.y, *self.low, *self.high))), self.name

    @classmethod
    def of(cls, name: str, x: Iterable[float | str], measures: Sequence[Measure]) -> "Series":
        """Make a series of estimates with their intervals."""
        return cls(
            name,
            tuple(x),
            tuple(measure.value for measure in measures),
            tuple(measure.low for measure in measures),
            tuple(measure.high for measure in measures),
        )


@dataclass(frozen=True)
class Figure:
    """Data for a chart; `render` draws it.

    Args:
        kind: `line`, `bar`, `step` or `points`.
        title: what the chart shows.
        text: the same in words, for those who do not see it.
        x_label: name and unit of the horizontal axis.
        y_label: name and unit of the vertical axis.
        series: what to draw.
        diagonal: draw y = x for comparison.
        marks: vertical lines, as (x, label).
        x_scale: `linear` or `log`.
        y_range: fixed ends of the vertical axis, or empty.
        y_scale: `linear` or `log`.
    """

    kind: Literal["line", "bar", "step", "points"]
    title: str
    text: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    diagonal: bool = False
    marks: tuple[tuple[float, str], ...] = ()
    x_scale: Literal["linear", "log"] = "linear"
    y_range: tuple[float, ...] = ()
    y_scale: Literal["linear", "log"] = "linear"

    def _repr_html_(self) -> str:
        from roadworthy.render import cell

        return cell(self)


@dataclass(frozen=True)
class Table:
    """Rows of numbers and words; never a subject's own rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int | None, ...], ...]


@dataclass(frozen=True)
class Picture:
    """An image as bytes of grey or RGB values, shown only where rows may be shown.

    Args:
        caption: what it shows.
        width: in pixels.
        height: in pixels.
        channels: 1 or 3.
        pixels: width x height x channels bytes, row by row.
    """

    caption: str
    width: int
    height: int
    channels: int
    pixels: bytes


@dataclass(frozen=True)
class Examples:
    """Rows that show the finding, by split and number; their content only on request.

    Args:
        title: what the rows have in common.
        rows: (split, row number in the source), worst first.
        details: a few words per row, or empty; no values of the row itself.
        pictures: shown when rows may be shown.
        table: the rows' values, shown when rows may be shown.
        total: how many there are in all, where `rows` is only the worst of them.
    """

    title: str
    rows: tuple[tuple[str, int], ...]
    details: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    table: Table | None = None
    total: int = 0


@dataclass(frozen=True)
class Remedy:
    """What to do about a finding.

    Args:
        text: a sentence.
        command: runs as it stands, or is empty.
        defense: name of what `repair` applies, or empty.
        settings: of it, each `name.field=value`.
    """

    text: str
    command: str = ""
    defense: str = ""
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Alarm:
    """A sign that the test itself cannot be trusted.

    Args:
        name: such as `zero-gradients`.
        text: what was seen and what it may mean, one sentence.
    """

    name: str
    text: str


@dataclass(frozen=True)
class Mute:
    """Somebody's decision to live with a finding until a day."""

    code: str
    reason: str
    until: str


@dataclass(frozen=True)
class Finding:
    """What a check concludes.

    Args:
        code: the check's stable id, such as `RW-LEAK-004`: what people mute, diff and cite.
        scope: which part of the check, such as `linf`; with the code it is unique in a report.
        area: the room the check lives in.
        check: the check's name.
        title: what the finding is called on screen.
        verdict: what it comes to.
        claim: one plain sentence.
        reason: why it was not assessed, or the cause of an error.
        estimate: the number that was judged.
        threshold: what it was judged by.
        measures: further numbers; kept when the finding passes, for certificates.
        figures: charts.
        tables: numbers.
        examples: rows.
        remedies: what to do.
        alarms: signs that the test cannot be trusted.
        references: where the method comes from.
        muted: who said to live with it, and until when.
    """

    code: str
    scope: str
    area: str
    check: str
    title: str
    verdict: Verdict
    claim: str
    reason: str = ""
    estimate: Measure | None = None
    threshold: Threshold | None = None
    measures: tuple[Measure, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    examples: tuple[Examples, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    references: tuple[str, ...] = ()
    muted: Mute | None = None

    @property
    def key(self) -> str:
        """The code, with the scope where there is one: unique in a report."""
        return f"{self.code}:{self.scope}" if self.scope else self.code

    def _repr_html_(self) -> str:
        from roadworthy.render import cell

        return cell(self)
