from dataclasses import dataclass

from roadworthy.core.estimates import Measure
from roadworthy.core.finding import Finding, Threshold
from roadworthy.render.numbers import interval
from roadworthy.render.outcome import limit

WIDTH = 320.0
_MARGIN = 10.0


@dataclass(frozen=True)
class Strip:
    """An interval beside its limit, in pixels of a strip that is `WIDTH` wide.

    Args:
        low: where the interval starts.
        value: where the estimate lies.
        high: where the interval ends.
        limit: where the limit lies.
        good: where the good side starts and how wide it is.
        anchor: on which side of the limit its label has room: `start` or `end`.
        text: the same in words.
    """

    low: float
    value: float
    high: float
    limit: float
    good: tuple[float, float]
    anchor: str
    text: str


def strip(finding: Finding) -> Strip | None:
    """Place a finding's estimate and limit; None where one of them is missing."""
    if finding.estimate is None or finding.threshold is None:
        return None
    estimate, threshold = finding.estimate, finding.threshold
    numbers = (estimate.low, estimate.value, estimate.high, threshold.limit)
    low, value, high, bar = (place(number, numbers) for number in numbers)
    is_below = threshold.good == "below"
    return Strip(
        low=low,
        value=value,
        high=high,
        limit=bar,
        good=(0.0, bar) if is_below else (bar, round(WIDTH - bar, 1)),
        anchor="start" if bar < WIDTH / 2 else "end",
        text=_words(estimate, threshold),
    )


def place(number: float, numbers: tuple[float, ...]) -> float:
    """Place one of several numbers on a strip that the least and the largest of them span."""
    least, most = min(numbers), max(numbers)
    if least == most:
        return WIDTH / 2
    # dividing first keeps the largest floats from overflowing
    share = (number / 2 - least / 2) / (most / 2 - least / 2)
    return round(_MARGIN + share * (WIDTH - 2 * _MARGIN), 1)


def _words(estimate: Measure, threshold: Threshold) -> str:
    return f"{interval(estimate)}; it should be {limit(threshold, estimate.unit)}"
