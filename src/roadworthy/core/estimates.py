"""Every interval and every correction for multiplicity that Roadworthy reports."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from roadworthy.core.errors import NotAssessed

CONFIDENCE = 0.95
BATCH = 100  # resamples at a time
LARGEST = 2_000_000  # numbers that are drawn at once
MOST_UNITS = 5000  # that are drawn; of more, some are drawn together


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


def _tail(comparisons: int) -> float:
    """Chance to miss on one side, so that all of several intervals hold together (Bonferroni)."""
    return (1 - CONFIDENCE) / 2 / comparisons


def _normal_quantile(comparisons: int) -> float:
    return -float(special.ndtri(_tail(comparisons)))


def _midranks(values: np.ndarray) -> np.ndarray:
    """Rank values (N,) from 1 on; equal ones share the mean of their ranks."""
    _, place, times = np.unique(values, return_inverse=True, return_counts=True)
    ranks: np.ndarray = (times.cumsum() - (times - 1) / 2)[place]
    return ranks


def _level(comparisons: int) -> str:
    return "95 %" if comparisons == 1 else f"95 % for {comparisons} at once"


def proportion(name: str, successes: int, n: int, comparisons: int = 1) -> Measure:
    """Estimate a share with Wilson's interval (Wilson 1927, doi:10.2307/2276774)."""
    _need(n, 1, name)
    share, z = successes / n, _normal_quantile(comparisons)
    center = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # at the ends rounding would leave the estimate a hair outside
    low = 0.0 if successes == 0 else float(center - half)
    high = 1.0 if successes == n else float(center + half)
    return Measure(name, share, low, high, n, "share", f"Wilson {_level(comparisons)}")


def exact_proportion(name: str, successes: int, n: int, comparisons: int = 1) -> Measure:
    """Estimate a share with the exact binomial interval, which holds for the smallest counts.

    Source: Clopper, Pearson 1934, doi:10.1093/biomet/26.4.404.
    """
    _need(n, 1, name)
    tail = _tail(comparisons)
    low = 0.0 if successes == 0 else float(special.betaincinv(successes, n - successes + 1, tail))
    high = 1.0 if successes == n else float(special.betainccinv(successes + 1, n - successes, tail))
    how = f"Clopper-Pearson {_level(comparisons)}"
    return Measure(name, successes / n, low, high, n, "share", how)


def difference(name: str, a: Measure, b: Measure) -> Measure:
    """Estimate share `a` minus share `b` of independent samples.

    Source: Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I,
    method 10: Wilson intervals combined.
    """
    low = a.value - b.value - float(np.hypot(a.value - a.low, b.high - b.value))
    high = a.value - b.value + float(np.hypot(a.high - a.value, b.value - b.low))
    how = a.method.replace("Wilson", "Newcombe")
    return Measure(name, a.value - b.value, low, high, a.n + b.n, "share", how)


def gap(name: str, a: Measure, b: Measure) -> Measure:
    """Estimate how far apart two shares are, whichever is larger."""
    return without_sign(difference(name, a, b))


def without_sign(signed: Measure) -> Measure:
    """Estimate the size of a number that may be on either side of 0."""
    ends = abs(signed.low), abs(signed.high)
    low = 0.0 if signed.low <= 0 <= signed.high else min(ends)
    return replace(signed, value=abs(signed.value), low=low, high=max(ends))


def ratio(name: str, a: Measure, b: Measure, comparisons: int = 1) -> Measure:
    """Estimate share `a` over share `b` of independent samples; `b` must not be 0.

    Source: Katz et al. 1978, doi:10.2307/2530610, on the logarithm, with half a success added to
    each count so that it is defined for none.
    """
    hits, others = a.value * a.n + 0.5, b.value * b.n + 0.5
    middle = np.log(hits / (a.n + 0.5)) - np.log(others / (b.n + 0.5))
    spread = np.sqrt(1 / hits - 1 / (a.n + 0.5) + 1 / others - 1 / (b.n + 0.5))
    half = _normal_quantile(comparisons) * spread
    value, low, high = a.value / b.value, float(np.exp(middle - half)), float(np.exp(middle + half))
    how = f"Katz {_level(comparisons)}"
    low = 0.0 if a.value == 0 else min(low, value)
    return Measure(name, value, low, max(high, value), a.n + b.n, "", how)


def equality(a: Measure, b: Measure) -> float:
    """Give the two-sided p-value of two shares of independent samples being the same.

    The score test (Pearson's chi-squared), or Fisher's exact test where it expects fewer than 5
    of anything (Cochran 1954, doi:10.2307/3001616).
    """
    counts = [[round(share.value * share.n) for share in (a, b)]]
    counts.append([a.n - counts[0][0], b.n - counts[0][1]])
    expected = np.outer(np.sum(counts, 1), np.sum(counts, 0)) / (a.n + b.n)
    if expected.min() < 5:
        from scipy import stats  # takes longer to import than all else that is used here

        return float(stats.fisher_exact(counts).pvalue)
    return float(special.chdtrc(1, ((counts - expected) ** 2 / expected).sum()))


def largest(measures: Sequence[Measure]) -> Measure:
    """Estimate the largest of several numbers whose intervals hold together.

    The largest truth lies between the largest lower and the largest upper end. Name and value are
    those of the number that is most surely large: the largest estimate may be the noisiest.
    """
    surest = max(measures, key=lambda measure: (measure.low, measure.value))
    return replace(surest, high=max(measure.high for measure in measures))


def smallest(measures: Sequence[Measure]) -> Measure:
    """Estimate the smallest of several numbers whose intervals hold together, as `largest` does."""
    surest = min(measures, key=lambda measure: (measure.high, measure.value))
    return replace(surest, low=min(measure.low for measure in measures))


def auc(name: str, positives: np.ndarray, negatives: np.ndarray, comparisons: int = 1) -> Measure:
    """Estimate the chance that a positive scores above a negative; ties count half.

    Source: DeLong et al. 1988, doi:10.2307/2531595, by the ranks of Sun, Xu 2014,
    doi:10.1109/LSP.2014.2337313; the interval is made on the logit scale, so it stays within
    0 and 1. Where the scores separate perfectly it is the exact binomial one of disjoint pairs.
    """
    m, n = len(positives), len(negatives)
    _need(min(m, n), 2, name)
    ranks = _midranks(np.concatenate([positives, negatives]))
    above = (ranks[:m] - _midranks(positives)) / n  # V10 of the paper
    below = 1 - (ranks[m:] - _midranks(negatives)) / m  # V01
    value = float(above.mean())
    variance = above.var(ddof=1) / m + below.var(ddof=1) / n
    if variance == 0 or not 0 < value < 1:
        pairs = exact_proportion(name, round(value * min(m, n)), min(m, n), comparisons)
        return replace(pairs, value=value, n=m + n, unit="")
    half = _normal_quantile(comparisons) * np.sqrt(variance) / (value * (1 - value))
    low, high = special.expit(special.logit(value) + np.array([-half, half]))
    return Measure(name, value, float(low), float(high), m + n, "", f"DeLong {_level(comparisons)}")


@dataclass(frozen=True, eq=False)
class Ranking:
    """How often scores put the right one of two rows first, and what each row did to that.

    Args:
        value: the share of pairs in order; ties count half.
        influence: (N,) how far each row moves the value; they add up to 0.
        pairs: how many pairs share no row.
    """

    value: float
    influence: np.ndarray
    pairs: int


def ranking(
    scores: np.ndarray, is_positive: np.ndarray, strata: np.ndarray | None = None
) -> Ranking:
    """Rank positives above negatives by scores (N,); with strata (N,), only rows of one stratum.

    Source: the structural components of DeLong et al. 1988, doi:10.2307/2531595, pooled over
    strata by their number of pairs.
    """
    stratum = np.zeros(len(scores), dtype=int) if strata is None else strata
    influence, ordered, pairs, disjoint = np.zeros(len(scores)), 0.0, 0, 0
    rows_and_above = []
    for k in np.unique(stratum):  # by stratum: each has ranks of its own
        ins, outs = (np.flatnonzero((stratum == k) & side) for side in (is_positive, ~is_positive))
        m, n = len(ins), len(outs)
        if not m * n:
            continue
        ranks = _midranks(np.concatenate([scores[ins], scores[outs]]))
        above = ranks[:m] - _midranks(scores[ins])
        below = m - (ranks[m:] - _midranks(scores[outs]))
        rows_and_above.append((ins, above, n))
        rows_and_above.append((outs, below, m))
        ordered, pairs, disjoint = ordered + above.sum(), pairs + m * n, disjoint + min(m, n)
    _need(disjoint, 2, "a ranking")
    value = float(ordered / pairs)
    for rows, hits, others in rows_and_above:
        influence[rows] = (hits - value * others) / pairs
    return Ranking(value, influence, disjoint)


def mean_ranking(rankings: Sequence[Ranking]) -> Ranking:
    """Average rankings of the same rows, such as each class against the rest."""
    return Ranking(
        float(np.mean([part.value for part in rankings])),
        np.mean([part.influence for part in rankings], axis=0),
        min(part.pairs for part in rankings),
    )


def ranked(
    name: str, of: Ranking, clusters: np.ndarray | None = None, comparisons: int = 1
) -> Measure:
    """Estimate the AUC of a ranking; rows of one cluster do not count as independent.

    The interval is made on the logit scale. Where the scores separate perfectly it is the exact
    binomial one of disjoint pairs, as many as clusters allow.
    Source: Obuchowski 1997, doi:10.2307/2533958.
    """
    error, units = _spread(of.influence, clusters)
    if error < 1e-12 or not 0 < of.value < 1:
        pairs = max(1, round(of.pairs * units / len(of.influence)))
        exact = exact_proportion(name, round(of.value * pairs), pairs, comparisons)
        low, high = min(exact.low, of.value), max(exact.high, of.value)
        return replace(exact, value=of.value, low=low, high=high, n=len(of.influence), unit="")
    half = _normal_quantile(comparisons) * error / (of.value * (1 - of.value))
    low, high = special.expit(special.logit(of.value) + np.array([-half, half]))
    how = f"{_components(clusters)} {_level(comparisons)}"
    return Measure(name, of.value, float(low), float(high), len(of.influence), "", how)


def ranked_difference(
    name: str, a: Ranking, b: Ranking, clusters: np.ndarray | None = None
) -> Measure:
    """Estimate AUC `a` minus AUC `b` of the same rows.

    Source: DeLong et al. 1988, doi:10.2307/2531595, and Obuchowski 1997, doi:10.2307/2533958.
    """
    half = _normal_quantile(1) * _spread(a.influence - b.influence, clusters)[0]
    value, how = a.value - b.value, f"paired {_components(clusters)} {_level(1)}"
    return Measure(name, value, value - half, value + half, len(a.influence), "", how)


def ranked_ratio(
    name: str, a: Ranking, b: Ranking, clusters: np.ndarray | None = None
) -> Measure | None:
    """Estimate how much of what ranking `b` has beyond chance `a` has, on the same rows.

    By the delta method; None where `b` is not clearly better than chance.
    """
    if ranked(name, b, clusters).low <= 0.5:
        return None
    value = (a.value - 0.5) / (b.value - 0.5)
    slope = (a.influence - value * b.influence) / (b.value - 0.5)
    half = _normal_quantile(1) * _spread(slope, clusters)[0]
    how = f"paired {_components(clusters)} {_level(1)}"
    return Measure(name, value, value - half, value + half, len(a.influence), "share", how)


def _components(clusters: np.ndarray | None) -> str:
    return "DeLong" if clusters is None else "DeLong by cluster"


def _spread(influence: np.ndarray, clusters: np.ndarray | None) -> tuple[float, int]:
    """Give the standard error of a sum of influences (N,), and how many units it rests on."""
    if clusters is not None:
        influence = np.bincount(np.unique(clusters, return_inverse=True)[1], influence)
    units = len(influence)
    return float(np.sqrt(units / max(1, units - 1) * np.square(influence).sum())), units


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
    return bootstrap(
        name,
        lambda rows: float(apart[rows].mean()),
        len(a),
        seed=seed,
        clusters=clusters,
        unit=unit,
        comparisons=comparisons,
    )


def quantile(name: str, values: np.ndarray, share: float, unit: str = "") -> Measure:
    """Estimate the number below which a share of a population lies, from a sample (N,) of it.

    The interval's ends are order statistics, whatever the distribution (David, Nagaraja 2003,
    doi:10.1002/0471722162, section 7.1). Where the sample is too small for 95 % it is the range.
    """
    n, tail = len(values), _tail(1)
    _need(n, 2, name)
    below = np.arange(n + 1)  # how many of the sample may lie below the quantile
    first = int(np.argmax(special.bdtr(below, n, share) >= tail))  # counted from 1
    last = int(np.argmax(special.bdtrc(below, n, share) <= tail)) + 1
    ordered, value = np.sort(values), float(np.quantile(values, share))
    low, high = float(ordered[max(first, 1) - 1]), float(ordered[min(last, n) - 1])
    is_enough = first >= 1 and last <= n
    how = "order statistics 95 %" if is_enough else "range: too few for 95 %"
    return Measure(name, value, min(low, value), max(high, value), n, unit, how)


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
    _need(n, 2, name)
    value = float(statistic(np.arange(n)))
    draws = np.array([statistic(_resample(generator, n, clusters)) for _ in range(resamples)])
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
    half = _normal_quantile(comparisons)
    low, high = np.quantile(draws, special.ndtr(2 * shift + np.array([-half, half])))
    how = f"{'cluster bootstrap' if is_clustered else 'bootstrap'} {_level(comparisons)}"
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
    _need(len(pairs), 1, "a comparison of means")
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
        [replace(mean, unit=unit, method=f"{how} {_level(1)}") for mean in means],
        [replace(size, unit=unit, method=f"{how} {_level(len(pairs))}") for size in sizes],
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


def positive_mean(values: np.ndarray, clusters: np.ndarray | None = None) -> float:
    """Give the one-sided p-value of values (N,) having a mean of at most 0.

    Student's t; with `clusters` (N,) of their sums, so rows of one patient do not count as
    independent (Liang, Zeger 1986, doi:10.1093/biomet/73.1.13, with independent working
    correlation).
    """
    n = len(values)
    _need(n, 2, "a test of a mean")
    member = np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    center, m = values.mean(), int(member.max()) + 1
    _need(m, 2, "a test of a mean over groups")
    residual = np.bincount(member, values - center)
    spread = float(np.sqrt(m / (m - 1) * np.square(residual).sum()) / n)
    if spread == 0:
        return 0.0 if center > 0 else 1.0
    return float(special.stdtr(m - 1, -center / spread))


def resampled_means(
    values: np.ndarray, *, seed: int, clusters: np.ndarray | None = None, resamples: int = 1000
) -> np.ndarray:
    """Give the means of values (S, N) over bootstrap resamples of the N rows: (B, S)."""
    generator = np.random.default_rng(seed)
    n = values.shape[1]
    draws = (_resample(generator, n, clusters) for _ in range(resamples))
    return np.stack([values[:, rows].mean(1) for rows in draws])


def of_draws(
    name: str, value: float, draws: np.ndarray, n: int, unit: str = "", method: str = ""
) -> Measure:
    """Give the percentile interval of draws (B,) of a number, widened to hold its estimate."""
    low, high = np.quantile(draws, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    how = f"{method} 95 %".lstrip()
    return Measure(name, value, min(float(low), value), max(float(high), value), n, unit, how)


def mcnemar(only_a: int, only_b: int) -> float:
    """Give McNemar's exact two-sided p-value of two classifiers being right equally often.

    Source: Dietterich 1998, doi:10.1162/089976698300017197; the binomial test of the rows on which
    exactly one of them is right.
    """
    fewer, all_told = min(only_a, only_b), only_a + only_b
    return min(1.0, 2 * float(special.bdtr(fewer, all_told, 0.5)))


def deviation(name: str, values: np.ndarray, unit: str = "") -> Measure:
    """Estimate the standard deviation that values (N,) of a normal distribution are drawn with.

    The interval is the one of chi-squared.
    """
    n, spread = len(values), float(values.std(ddof=1))
    _need(n, 2, name)
    ends = special.chdtri(n - 1, [_tail(1), 1 - _tail(1)])
    low, high = spread * np.sqrt((n - 1) / ends)
    return Measure(name, spread, float(low), float(high), n, unit, "chi-squared 95 %")


def share_of_rows(
    name: str,
    holds: np.ndarray,
    clusters: np.ndarray | None,
    *,
    seed: int,
    comparisons: int = 1,
) -> Measure:
    """Estimate the share of rows (N,) of which something holds, some of which belong together.

    The wider of Wilson's interval and, with `clusters` (N,), that of the cluster bootstrap.
    """
    wilson = proportion(name, int(holds.sum()), len(holds), comparisons)
    if clusters is None or len(holds) < 2:
        return wilson
    clustered = bootstrap(
        name,
        lambda rows: float(holds[rows].mean()),
        len(holds),
        seed=seed,
        clusters=clusters,
        resamples=min(1000 * comparisons, 20_000),  # rarer misses take more draws to see
        unit="share",
        comparisons=comparisons,
    )
    return max(wilson, clustered, key=lambda measure: measure.high - measure.low)


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
    _need(n, 2, name)
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


def holm(p_values: np.ndarray) -> np.ndarray:
    """Correct p-values for making several comparisons (Holm 1979): (M,) adjusted values."""
    order = np.argsort(p_values)
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Correct p-values for choosing among many: (M,) adjusted values.

    Of those at most q, at most a share q is expected to be false (Benjamini, Hochberg 1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x).
    """
    order = np.argsort(p_values)[::-1]
    steps = p_values[order] * len(p_values) / np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.minimum.accumulate(steps), 1)
    return adjusted


def conformal_p_values(calibration: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Give p-values (M,) of rows being drawn as calibration rows (N,) are; a high score is odd.

    They depend on each other in a way that `benjamini_hochberg` allows.
    Source: Bates et al. 2023, arXiv:2104.08279, equation 2 and theorem 2.
    """
    below = np.searchsorted(np.sort(calibration), scores, side="left")
    return (1 + len(calibration) - below) / (1 + len(calibration))
