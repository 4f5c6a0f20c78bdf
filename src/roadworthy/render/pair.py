from dataclasses import dataclass

from roadworthy.core.estimates import Measure
from roadworthy.core.finding import Threshold
from roadworthy.render.numbers import interval
from roadworthy.render.outcome import limit
from roadworthy.render.strip import WIDTH, place


@dataclass(frozen=True)
class Span:
    """An estimate and the ends of its interval, in pixels."""

    low: float
    value: float
    high: float


@dataclass(frozen=True)
class Pair:
    """One number in two inspections, in pixels of a strip that is `WIDTH` wide and holds 0.

    Args:
        before: where it was, or None.
        after: where it is, or None.
        zero: where 0 lies.
        limit: where the limit lies, or None.
        good: where the good side starts and how wide it is.
        text: the same in words.
    """

    before: Span | None
    after: Span | None
    zero: float
    limit: float | None
    good: tuple[float, float]
    text: str


def pair(before: Measure | None, after: Measure | None, threshold: Threshold | None = None) -> Pair:
    """Place a number of two inspections, at least one of which has it, on one scale."""
    measures = [measure for measure in (before, after) if measure is not None]
    # a scale without 0 would make every difference look large
    numbers = (0.0, *(end for m in measures for end in (m.low, m.high)))
    if threshold is not None:
        numbers = (*numbers, threshold.limit)
    bar = None if threshold is None else place(threshold.limit, numbers)
    said = [
        f"{word} {interval(measure)}"
        for word, measure in (("before", before), ("after", after))
        if measure is not None
    ]
    if threshold is not None:
        said.append(f"it should be {limit(threshold, measures[0].unit)}")
    return Pair(
        _span(before, numbers),
        _span(after, numbers),
        place(0.0, numbers),
        bar,
        _good(threshold, bar),
        "; ".join(said),
    )


def _span(measure: Measure | None, numbers: tuple[float, ...]) -> Span | None:
    if measure is None:
        return None
    return Span(*(place(end, numbers) for end in (measure.low, measure.value, measure.high)))


def _good(threshold: Threshold | None, bar: float | None) -> tuple[float, float]:
    if threshold is None or bar is None:
        return (0.0, 0.0)
    return (0.0, bar) if threshold.good == "below" else (bar, round(WIDTH - bar, 1))
