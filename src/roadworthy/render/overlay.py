"""Two charts of one kind as one, before and after: pure functions on the data of charts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from roadworthy.core.finding import Figure, Series

MOST_LINES = 3  # of each side; a chart with more is drawn as one chart for each line


@dataclass(frozen=True)
class Side:
    """Which inspection a series of an overlaid chart is from.

    Args:
        is_after: from the later one.
        place: its place in its own chart; the same on both sides for what belongs together.
    """

    is_after: bool
    place: int


@dataclass(frozen=True)
class Overlay:
    """A chart that shows two inspections, and for each of its series from which one it is."""

    figure: Figure
    sides: tuple[Side, ...]


def overlays(before: Sequence[Figure], after: Sequence[Figure]) -> tuple[Overlay, ...]:
    """Lay the charts that two findings share over each other.

    Charts belong together when title, kind and axes are the same. Bars of several series, and many
    lines, would hide each other: they become one chart for each series.
    """
    old = {_kind(figure): figure for figure in before}
    made: list[Overlay] = []
    for figure in after:
        if _kind(figure) in old:
            made += _lay(old[_kind(figure)], figure)
    return tuple(made)


def _kind(figure: Figure) -> tuple[str, ...]:
    return (figure.title, figure.kind, figure.x_label, figure.y_label)


def _lay(before: Figure, after: Figure) -> list[Overlay]:
    pairs = _pairs(_shown(before), _shown(after))
    most = 1 if after.kind == "bar" else MOST_LINES
    if len(pairs) <= most:
        return [_overlay(before, after, pairs, after.title)] if pairs else []
    return [_overlay(before, after, [pair], f"{after.title}: {_name(pair)}") for pair in pairs]


def _shown(figure: Figure) -> list[Series]:
    """Leave out what lies on the diagonal by itself: the diagonal says the same."""
    return [series for series in figure.series if not (figure.diagonal and series.x == series.y)]


Pair = tuple[Series | None, Series | None]


def _pairs(before: list[Series], after: list[Series]) -> list[Pair]:
    """Pair series by name, and what is left in order: a method that changed changes a name."""
    old, new = {s.name: s for s in before}, {s.name: s for s in after}
    left = iter([series for series in before if series.name not in new])
    pairs: list[Pair] = [
        (old[series.name] if series.name in old else next(left, None), series) for series in after
    ]
    return pairs + [(series, None) for series in left]


def _name(pair: Pair) -> str:
    return " / ".join(dict.fromkeys(series.name for series in pair if series))


def _overlay(before: Figure, after: Figure, pairs: list[Pair], title: str) -> Overlay:
    series, sides = [], []
    for place, pair in enumerate(pairs):
        for word, side in zip(("before", "after"), pair, strict=True):
            if side is not None:
                # the title says what a single pair is about
                name = word if len(pairs) == 1 else f"{word}: {side.name}"
                series.append(replace(side, name=name))
                sides.append(Side(word == "after", place))
    figure = replace(
        after,
        title=title,
        text=_text(before.text, after.text),
        series=tuple(series),
        marks=_marks(before, after),
        y_range=after.y_range if after.y_range == before.y_range else (),
    )
    return Overlay(figure, tuple(sides))


def _text(before: str, after: str) -> str:
    return after if before == after else f"Before: {before} After: {after}"


def _marks(before: Figure, after: Figure) -> tuple[tuple[float, str], ...]:
    if before.marks == after.marks:
        return after.marks
    named = (("before", before.marks), ("after", after.marks))
    return tuple((x, f"{word}: {label}") for word, marks in named for x, label in marks)
