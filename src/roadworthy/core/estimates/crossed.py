"""Numbers measured on the same rows again and again, such as by trainings with several seeds."""

import math

import numpy as np
from scipy import special

from roadworthy.core.estimates.measure import Measure, level, need, tail


def crossed_mean(name: str, values: np.ndarray, unit: str = "", comparisons: int = 1) -> Measure:
    """Estimate the mean of values (S, N) of S repeats on the same N rows.

    Both other repeats and other rows would have given another mean: two random effects and what
    they leave. Student's t with Satterthwaite's degrees of freedom (1946, doi:10.2307/3002019). The
    mean of shares, and that of their differences, is not looked for beyond 1.

    Raises:
        NotAssessed: there are fewer than two repeats or rows.
    """
    repeats, rows = values.shape
    need(repeats, 2, name)
    need(rows, 2, name)
    center = float(values.mean())
    by_repeat, by_row = values.mean(1, keepdims=True), values.mean(0, keepdims=True)
    of_repeats = by_repeat.var(ddof=1) / repeats
    of_rows = by_row.var(ddof=1) / rows
    # each of them holds what rows and repeats leave
    left = np.square(values - by_repeat - by_row + center).sum() / ((repeats - 1) * (rows - 1))
    both = left / (repeats * rows)
    variance = max(of_repeats + of_rows - both, of_repeats, of_rows)
    degrees = _degrees((of_repeats, repeats - 1), (of_rows, rows - 1))
    half = float(-special.stdtrit(degrees, tail(comparisons))) * math.sqrt(variance)
    method = f"t interval over {repeats} repeats and {rows} rows, {level(comparisons)}"
    most = 1.0 if unit == "share" else math.inf
    low, high = max(-most, center - half), min(most, center + half)
    return Measure(name, center, low, high, repeats, unit, method)


def by_cluster(values: np.ndarray, clusters: np.ndarray | None) -> np.ndarray:
    """Give each cluster of rows one value, with the same mean over clusters as values (…, S, N).

    Rows of a cluster are drawn together. A cluster is off the mean by what its rows are off in
    all, so that large ones count for more: the linearization of a ratio, (…, S, G).

    Args:
        values: of S repeats on N rows.
        clusters: (N,) numbers; None leaves each row to itself.
    """
    if clusters is None:
        return values
    _, member, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    center = values.mean((-2, -1), keepdims=True)
    starts = np.pad(sizes.cumsum(), (1, 0))[:-1]
    off = np.add.reduceat((values - center)[..., np.argsort(member)], starts, axis=-1)
    return np.asarray(center + off / sizes.mean())


def _degrees(*parts: tuple[float, int]) -> float:
    """Give the degrees of freedom of a sum of variances with their own."""
    total = sum(variance for variance, _ in parts)
    if total == 0:
        return float(min(degrees for _, degrees in parts))
    return float(total**2 / sum(variance**2 / degrees for variance, degrees in parts))
