"""Means of many parts, and differences between them whose intervals hold together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates.measure import CONFIDENCE, Measure, level, need

BATCH = 100  # resamples at a time
MOST_UNITS = 5000  # that are drawn; of more, some are drawn together


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows, over which a number is averaged.

    Args:
        name: what the mean is called.
        values: (N,) the number of each row.
        of: (N,) bool, which rows are averaged.
    """

    name: str
    values: np.ndarray
    of: np.ndarray


@dataclass(frozen=True, eq=False)
class Differences:
    """Means of parts, and the differences between them that were looked at together.

    Args:
        means: one per part, each with its own 95 % interval.
        sizes: first mean minus second of each pair; their intervals hold together.
        p_values: (P,) of no difference, corrected for the number of pairs.
    """

    means: list[Measure]
    sizes: list[Measure]
    p_values: np.ndarray


def differences(
    parts: Sequence[Part],
    pairs: Sequence[tuple[str, int, int]],
    *,
    seed: int,
    clusters: np.ndarray | None = None,
    resamples: int = 1000,
    unit: str = "",
) -> Differences:
    """Compare means of parts of the same rows in pairs (name, first part, second part).

    Each difference is divided by its standard error, in the rows and in resamples of them, of whole
    clusters where they are given. The intervals are as wide as the largest of all these quotients
    is in 95 % of the resamples, so they hold together, and that of a small part is wide. Of more
    than 5000 rows or clusters, some that are picked at random are always drawn together.
    Source: Romano, Wolf 2005, doi:10.1198/016214504000000539, in a single step.
    """
    need(len(pairs), 1, "a comparison of means")
    generator = np.random.default_rng(seed)
    units = np.arange(len(parts[0].of)) if clusters is None else clusters
    a, b = np.array([pair[1:] for pair in pairs]).T
    centers = np.array([part.values[part.of].mean() for part in parts])
    moments = _moments(parts, centers, _bagged(units, generator))
    spread = _means_and_spreads(np.ones((1, len(moments))), moments)[1][0]
    alone, together = [], []
    for times in _draws(generator, len(moments), resamples):
        shift, spreads = _means_and_spreads(times, moments)
        alone.append(_quotient(shift, spreads))
        apart = _quotient(shift[:, a] - shift[:, b], np.hypot(spreads[:, a], spreads[:, b]))
        together.append(apart.max(1))
    every, joint = np.concatenate(alone), np.concatenate(together)
    size, within = centers[a] - centers[b], np.hypot(spread[a], spread[b])
    n = np.array([part.of.sum() for part in parts])
    how = "bootstrap-t" if clusters is None else "cluster bootstrap-t"
    means = _around([part.name for part in parts], centers, spread, every, n)
    sizes = _around([pair[0] for pair in pairs], size, within, joint[:, None], n[a] + n[b])
    exceeded = (joint[:, None] >= _quotient(size, within)).sum(0)
    return Differences(
        [replace(mean, unit=unit, method=f"{how} {level(1)}") for mean in means],
        [replace(size, unit=unit, method=f"{how} {level(len(pairs))}") for size in sizes],
        (1 + exceeded) / (1 + len(joint)),
    )


def _bagged(units: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Number what is drawn together (N,): each unit, or random bags of them if they are many."""
    names, member = np.unique(units, return_inverse=True)
    if len(names) <= MOST_UNITS:
        return member
    bags: np.ndarray = (generator.permutation(len(names)) % MOST_UNITS)[member]
    return bags


def _moments(parts: Sequence[Part], centers: np.ndarray, member: np.ndarray) -> np.ndarray:
    """Sum per unit the rows n and centered values s of each part: n, s, s², sn, n² (C, 5 M)."""
    order = np.argsort(member, kind="stable")
    starts = np.searchsorted(member[order], np.arange(member.max() + 1))
    columns = []
    for part, center in zip(parts, centers, strict=True):  # all at once would not fit in memory
        of = part.of[order]
        n = np.add.reduceat(of.astype(float), starts)
        s = np.add.reduceat(np.where(of, part.values[order] - center, 0), starts)
        columns.append((n, s, s**2, s * n, n**2))
    moments: np.ndarray = np.array(columns).transpose(2, 1, 0).reshape(len(starts), -1)
    return moments


def _draws(generator: np.random.Generator, units: int, resamples: int) -> Iterator[np.ndarray]:
    """Draw how often each unit occurs in resamples (R, C); all at once would not fit in memory."""
    for _ in range(0, resamples, BATCH):
        drawn = generator.integers(0, units, (BATCH, units))
        times = [np.bincount(one, minlength=units) for one in drawn]
        yield np.stack(times).astype(float)


def _means_and_spreads(times: np.ndarray, moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give means and their standard errors (R, M) where clusters occur so many times (R, C)."""
    n, s, ss, sn, nn = np.split(times @ moments, 5, axis=1)
    with np.errstate(invalid="ignore"):  # a part that was not drawn has no mean
        means = s / n
        spreads = np.sqrt(np.maximum(ss - 2 * means * sn + means**2 * nn, 0)) / n
    return means, spreads


def _quotient(size: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Divide |size| by its standard error; infinite where a part has no spread or no rows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = np.where(size == 0, 0, np.abs(size) / spread)
    found: np.ndarray = np.nan_to_num(quotient, nan=np.inf, posinf=np.inf)
    return found


def _around(
    names: list[str], values: np.ndarray, spread: np.ndarray, quotients: np.ndarray, n: np.ndarray
) -> list[Measure]:
    """Give the intervals whose half width is the spread times the quotient that 5 % exceed."""
    reach = np.quantile(quotients, CONFIDENCE, axis=0, method="higher")
    half = np.multiply(reach, spread, out=np.zeros_like(spread), where=spread > 0)
    if not np.isfinite(half).all():
        name = names[int(np.argmax(half))]
        raise NotAssessed(f"{name} rests on too few rows that differ: an interval cannot be given")
    low, high = values - half, values + half
    return [
        Measure(name, float(values[k]), float(low[k]), float(high[k]), int(n[k]))
        for k, name in enumerate(names)
    ]
