"""Every interval and every correction for multiplicity that Roadworthy reports."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from roadworthy.core.errors import NotAssessed

CONFIDENCE = 0.95
_Z = float(stats.norm.ppf(0.5 + CONFIDENCE / 2))


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


def _need(n: int, least: int, name: str) -> None:
    if n < least:
        raise NotAssessed(f"{name} needs at least {least} samples; there are {n}")


def count(name: str, value: float, n: int, unit: str = "", method: str = "counted") -> Measure:
    """Give a number that is known exactly, such as a count over all rows."""
    return Measure(name, float(value), float(value), float(value), n, unit, method)


def proportion(name: str, successes: int, n: int) -> Measure:
    """Estimate a share with Wilson's interval (Wilson 1927, doi:10.2307/2276774)."""
    _need(n, 1, name)
    share = successes / n
    center = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    # at the ends rounding would leave the estimate a hair outside
    low = 0.0 if successes == 0 else float(center - half)
    high = 1.0 if successes == n else float(center + half)
    return Measure(name, share, low, high, n, "share", "Wilson 95 %")


def exact_proportion(name: str, successes: int, n: int) -> Measure:
    """Estimate a share with the exact binomial interval, which holds for the smallest counts.

    Source: Clopper, Pearson 1934, doi:10.1093/biomet/26.4.404.
    """
    _need(n, 1, name)
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if successes == 0 else float(stats.beta.ppf(tail, successes, n - successes + 1))
    high = 1.0 if successes == n else float(stats.beta.isf(tail, successes + 1, n - successes))
    return Measure(name, successes / n, low, high, n, "share", "Clopper-Pearson 95 %")


def difference(name: str, a: Measure, b: Measure) -> Measure:
    """Estimate share `a` minus share `b` of independent samples.

    Source: Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I,
    method 10: Wilson intervals combined.
    """
    low = a.value - b.value - float(np.hypot(a.value - a.low, b.high - b.value))
    high = a.value - b.value + float(np.hypot(a.high - a.value, b.value - b.low))
    return Measure(name, a.value - b.value, low, high, a.n + b.n, "share", "Newcombe 95 %")


def bootstrap(
    name: str,
    statistic: Callable[[np.ndarray], float],
    n: int,
    *,
    seed: int,
    clusters: np.ndarray | None = None,
    resamples: int = 1000,
    unit: str = "",
) -> Measure:
    """Estimate any statistic of n rows with a bias-corrected percentile interval.

    `statistic` gets row numbers (some repeated) and gives a number. With `clusters` (N,), whole
    clusters are drawn, so rows of one patient do not count as independent. The acceleration of
    BCa is left at 0: it needs n more evaluations and rarely moves the interval.
    Source: Efron 1987, doi:10.1080/01621459.1987.10478410.
    """
    generator = np.random.default_rng(seed)
    _need(n, 2, name)
    value = float(statistic(np.arange(n)))
    draws = np.array([statistic(_resample(generator, n, clusters)) for _ in range(resamples)])
    draws = draws[np.isfinite(draws)]
    if not np.isfinite(value) or len(draws) < resamples // 2:
        raise NotAssessed(f"{name} is not defined on {n} samples, or on most resamples of them")
    below = (np.sum(draws < value) + np.sum(draws == value) / 2) / len(draws)
    shift = stats.norm.ppf(np.clip(below, 1 / len(draws), 1 - 1 / len(draws)))
    tails = stats.norm.cdf(2 * shift + stats.norm.ppf([0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2]))
    low, high = np.quantile(draws, tails)
    how = "bootstrap 95 %" if clusters is None else "cluster bootstrap 95 %"
    # correcting the bias can move the interval off the estimate: then it is widened to hold it
    return Measure(name, value, min(float(low), value), max(float(high), value), n, unit, how)


def _resample(generator: np.random.Generator, n: int, clusters: np.ndarray | None) -> np.ndarray:
    if clusters is None:
        return generator.integers(0, n, n)
    _, member = np.unique(clusters, return_inverse=True)
    order = np.argsort(member, kind="stable")
    starts = np.searchsorted(member[order], np.arange(member.max() + 2))
    drawn = generator.integers(0, member.max() + 1, member.max() + 1)
    sizes = starts[drawn + 1] - starts[drawn]
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows: np.ndarray = order[np.repeat(starts[drawn], sizes) + within]
    return rows


def mean(name: str, values: np.ndarray, *, seed: int, unit: str = "") -> Measure:
    """Estimate the mean of values (N,) by bootstrap."""
    return bootstrap(
        name, lambda rows: float(values[rows].mean()), len(values), seed=seed, unit=unit
    )


def holm(p_values: np.ndarray) -> np.ndarray:
    """Correct p-values for making several comparisons (Holm 1979): (M,) adjusted values."""
    order = np.argsort(p_values)
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted
