"""Intervals of any statistic, by drawing the rows anew."""

from collections.abc import Callable

import numpy as np
from scipy import special

from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates.measure import (
    CONFIDENCE,
    Measure,
    level,
    need,
    normal_quantile,
    tail,
)

LARGEST = 2_000_000  # numbers that are drawn at once


def bootstrap(
    name: str,
    statistic: Callable[[np.ndarray], float],
    n: int,
    *,
    seed: int,
    clusters: np.ndarray | None = None,
    resamples: int = 1000,
    unit: str = "",
    comparisons: int = 1,
) -> Measure:
    """Estimate any statistic of n rows with a bias-corrected percentile interval.

    `statistic` gets row numbers (some repeated) and gives a number. With `clusters` (N,), whole
    clusters are drawn, so rows of one patient do not count as independent. The acceleration of
    BCa is left at 0: it needs n more evaluations and rarely moves the interval.
    Source: Efron 1987, doi:10.1080/01621459.1987.10478410.
    """
    generator = np.random.default_rng(seed)
    need(n, 2, name)
    # a resample may lack what the statistic divides by: it is left out, and no news to anybody
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(statistic(np.arange(n)))
        draws = np.array([statistic(resample(generator, n, clusters)) for _ in range(resamples)])
    return _bias_corrected(name, value, draws, n, unit, clusters is not None, comparisons)


def _bias_corrected(
    name: str,
    value: float,
    draws: np.ndarray,
    n: int,
    unit: str,
    is_clustered: bool,
    comparisons: int,
) -> Measure:
    """Give the interval of a statistic of n rows from its draws on resamples."""
    resamples, draws = len(draws), draws[np.isfinite(draws)]
    if not np.isfinite(value) or len(draws) < resamples // 2:
        raise NotAssessed(f"{name} is not defined on {n} samples, or on most resamples of them")
    below = (np.sum(draws < value) + np.sum(draws == value) / 2) / len(draws)
    shift = special.ndtri(np.clip(below, 1 / len(draws), 1 - 1 / len(draws)))
    half = normal_quantile(comparisons)
    low, high = np.quantile(draws, special.ndtr(2 * shift + np.array([-half, half])))
    how = f"{'cluster bootstrap' if is_clustered else 'bootstrap'} {level(comparisons)}"
    # correcting the bias can move the interval off the estimate: then it is widened to hold it
    return Measure(name, value, min(float(low), value), max(float(high), value), n, unit, how)


def resample(generator: np.random.Generator, n: int, clusters: np.ndarray | None) -> np.ndarray:
    """Draw as many of n rows as there are, some twice, or whole clusters: numbers of rows."""
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


def mean(
    name: str,
    values: np.ndarray,
    *,
    seed: int,
    clusters: np.ndarray | None = None,
    resamples: int = 1000,
    unit: str = "",
    comparisons: int = 1,
) -> Measure:
    """Estimate the mean of values (N,) by `bootstrap`, many resamples at a time."""
    n = len(values)
    need(n, 2, name)
    member = np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    sums, sizes = np.bincount(member, values), np.bincount(member)
    generator, units = np.random.default_rng(seed), len(sizes)
    at_once = max(1, LARGEST // units)
    draws = []
    for start in range(0, resamples, at_once):  # all at once would not fit
        shape = min(at_once, resamples - start), units
        drawn = generator.integers(0, units, shape)
        draws.append(sums[drawn].sum(1) / sizes[drawn].sum(1))
    value, found = float(values.mean()), np.concatenate(draws)
    return _bias_corrected(name, value, found, n, unit, clusters is not None, comparisons)


def positive_mean(values: np.ndarray, clusters: np.ndarray | None = None) -> float:
    """Give the one-sided p-value of values (N,) having a mean of at most 0.

    Student's t; with `clusters` (N,) of their sums, so rows of one patient do not count as
    independent (Liang, Zeger 1986, doi:10.1093/biomet/73.1.13, with independent working
    correlation).
    """
    n = len(values)
    need(n, 2, "a test of a mean")
    member = np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    center, m = values.mean(), int(member.max()) + 1
    need(m, 2, "a test of a mean over groups")
    residual = np.bincount(member, values - center)
    spread = float(np.sqrt(m / (m - 1) * np.square(residual).sum()) / n)
    if spread == 0:
        return 0.0 if center > 0 else 1.0
    return float(special.stdtr(m - 1, -center / spread))


def paired_difference(
    name: str,
    a: np.ndarray,
    b: np.ndarray,
    *,
    seed: int,
    clusters: np.ndarray | None = None,
    unit: str = "",
    comparisons: int = 1,
) -> Measure:
    """Estimate the mean of `a` (N,) minus that of `b` (N,) on the same rows by bootstrap."""
    apart = a.astype(float) - b
    return mean(name, apart, seed=seed, clusters=clusters, unit=unit, comparisons=comparisons)


def resampled_means(
    values: np.ndarray, *, seed: int, clusters: np.ndarray | None = None, resamples: int = 1000
) -> np.ndarray:
    """Give the means of values (S, N) over bootstrap resamples of the N rows: (B, S)."""
    generator = np.random.default_rng(seed)
    n = values.shape[1]
    draws = (resample(generator, n, clusters) for _ in range(resamples))
    return np.stack([values[:, rows].mean(1) for rows in draws])


def of_draws(
    name: str, value: float, draws: np.ndarray, n: int, unit: str = "", method: str = ""
) -> Measure:
    """Give the percentile interval of draws (B,) of a number, widened to hold its estimate."""
    low, high = np.quantile(draws, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    how = f"{method} 95 %".lstrip()
    return Measure(name, value, min(float(low), value), max(float(high), value), n, unit, how)


def of_few_draws(
    name: str, value: float, draws: np.ndarray, n: int, unit: str = "", comparisons: int = 1
) -> Measure:
    """Give an estimate of n rows an interval from some dozens of its draws (B,) on resamples.

    Student's t times their spread about the mean: too few draws to see the tails themselves.
    """
    quantile = -float(special.stdtrit(len(draws) - 1, tail(comparisons)))
    half = quantile * float(draws.std(ddof=1))
    how = f"bootstrap standard error {level(comparisons)}"
    return Measure(name, value, value - half, value + half, n, unit, how)
