"""A number that knows its doubt, and what intervals of any kind share."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from roadworthy.core.errors import NotAssessed

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Measure:
    """A number that knows its doubt.

    Args:
        name: what was measured.
        value: the estimate.
        low: lower end of the 95 % interval; equal to `value` where nothing was sampled.
        high: upper end.
        n: how many samples it rests on.
        unit: `share`, `s`, `bytes`, …; empty for a plain number.
        method: how value and interval were made.
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    unit: str = ""
    method: str = ""

    def __post_init__(self) -> None:
        assert np.isfinite([self.value, self.low, self.high]).all(), self
        assert self.low <= self.value <= self.high, self


def need(n: int, least: int, name: str) -> None:
    """Raise NotAssessed where there are fewer samples than it takes."""
    if n < least:
        raise NotAssessed(f"{name} needs at least {least} samples; there are {n}")


def count(name: str, value: float, n: int, unit: str = "", method: str = "counted") -> Measure:
    """Give a number that is known exactly, such as a count over all rows."""
    return Measure(name, float(value), float(value), float(value), n, unit, method)


def tail(comparisons: int) -> float:
    """Chance to miss on one side, so that all of several intervals hold together (Bonferroni)."""
    return (1 - CONFIDENCE) / 2 / comparisons


def normal_quantile(comparisons: int) -> float:
    """Give how many standard errors an interval reaches to either side."""
    return -float(special.ndtri(tail(comparisons)))


def level(comparisons: int) -> str:
    """Say in words what an interval holds for."""
    return "95 %" if comparisons == 1 else f"95 % for {comparisons} at once"
