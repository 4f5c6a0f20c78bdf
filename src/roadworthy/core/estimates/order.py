"""The largest, the smallest, a quantile, a spread: of several numbers, or of a sample."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from scipy import special

from roadworthy.core.estimates.measure import Measure, need, tail

T = TypeVar("T")


def largest(measures: Sequence[Measure]) -> Measure:
    """Estimate the largest of several numbers whose intervals hold together.

    The largest truth lies between the largest lower and the largest upper end. Name and value are
    those of the number that is most surely large: the largest estimate may be the noisiest.
    """
    return largest_of(measures, lambda measure: measure)[1]


def largest_of(items: Sequence[T], measure_of: Callable[[T], Measure]) -> tuple[T, Measure]:
    """Find the thing whose number is most surely large, and estimate the largest of all."""
    measures = [measure_of(item) for item in items]
    surest = max(range(len(items)), key=lambda k: (measures[k].low, measures[k].value))
    return items[surest], replace(measures[surest], high=max(m.high for m in measures))


def smallest(measures: Sequence[Measure]) -> Measure:
    """Estimate the smallest of several numbers whose intervals hold together, as `largest` does."""
    surest = min(measures, key=lambda measure: (measure.high, measure.value))
    return replace(surest, low=min(measure.low for measure in measures))


def quantile(name: str, values: np.ndarray, share: float, unit: str = "") -> Measure:
    """Estimate the number below which a share of a population lies, from a sample (N,) of it.

    The interval's ends are order statistics, whatever the distribution (David, Nagaraja 2003,
    doi:10.1002/0471722162, section 7.1). Where the sample is too small for 95 % it is the range.
    """
    n, missed = len(values), tail(1)
    need(n, 2, name)
    below = np.arange(n + 1)  # how many of the sample may lie below the quantile
    first = int(np.argmax(special.bdtr(below, n, share) >= missed))  # counted from 1
    last = int(np.argmax(special.bdtrc(below, n, share) <= missed)) + 1
    ordered, value = np.sort(values), float(np.quantile(values, share))
    low, high = float(ordered[max(first, 1) - 1]), float(ordered[min(last, n) - 1])
    is_enough = first >= 1 and last <= n
    how = "order statistics 95 %" if is_enough else "range: too few for 95 %"
    return Measure(name, value, min(low, value), max(high, value), n, unit, how)


def deviation(name: str, values: np.ndarray, unit: str = "") -> Measure:
    """Estimate the standard deviation that values (N,) of a normal distribution are drawn with.

    The interval is the one of chi-squared.
    """
    n, spread = len(values), float(values.std(ddof=1))
    need(n, 2, name)
    ends = special.chdtri(n - 1, [tail(1), 1 - tail(1)])
    low, high = spread * np.sqrt((n - 1) / ends)
    return Measure(name, spread, float(low), float(high), n, unit, "chi-squared 95 %")
