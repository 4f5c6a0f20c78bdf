"""Shares of rows and what differs between them, from counts."""

from dataclasses import replace

import numpy as np
from scipy import special

from roadworthy.core.estimates.measure import Measure, level, need, normal_quantile, tail


def proportion(
    name: str, successes: int, n: int, comparisons: int = 1, *, design: float = 1.0
) -> Measure:
    """Estimate a share with Wilson's interval (Wilson 1927, doi:10.2307/2276774).

    Args:
        name: what it is a share of.
        successes: rows that count.
        n: all rows.
        comparisons: as many intervals hold together.
        design: how many rows count as one; see `design_effect`.
    """
    need(n, 1, name)
    share, z, counted = successes / n, normal_quantile(comparisons), n / design
    center = (share + z**2 / (2 * counted)) / (1 + z**2 / counted)
    spread = np.sqrt(share * (1 - share) / counted + z**2 / (4 * counted**2))
    half = z / (1 + z**2 / counted) * spread
    # at the ends rounding would leave the estimate a hair outside
    low = 0.0 if successes == 0 else float(center - half)
    high = 1.0 if successes == n else float(center + half)
    how = f"Wilson {level(comparisons)}"
    if design > 1:
        how += f", by groups: {n} rows count as {counted:.3g}"
    return Measure(name, share, low, high, n, "share", how)


def share_of_rows(
    name: str, holds: np.ndarray, clusters: np.ndarray | None, comparisons: int = 1
) -> Measure:
    """Estimate the share of rows (N,) of which something holds, by the clusters (N,) of them."""
    need(len(holds), 1, name)
    design = design_effect(holds, clusters, comparisons)
    return proportion(name, int(holds.sum()), len(holds), comparisons, design=design)


def design_effect(holds: np.ndarray, clusters: np.ndarray | None, comparisons: int = 1) -> float:
    """Give how many rows count as one where rows of a cluster are alike; at least 1.

    The variance of the share, by the linearization of a ratio, over that of as many independent
    rows; of a share of none or all that of rows which only differ between clusters. It is widened
    as Student's t is beyond the normal, for the variance is known from few clusters.
    Source: Korn and Graubard 1998, Survey Methodology 24:193-201; Rao and Scott 1992,
    doi:10.2307/2532311.

    Args:
        holds: (N,) bool, what it is a share of.
        clusters: (N,) numbers; None where all rows are independent.
        comparisons: as many intervals hold together.
    """
    n = len(holds)
    if clusters is None or not n:
        return 1.0
    _, member, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    groups, share = len(sizes), float(holds.mean())
    if groups in (1, n):
        return float(n / groups)
    if 0 < share < 1:
        off = np.square(np.bincount(member, holds - share)).sum() * groups / (groups - 1)
        effect = off / (n * share * (1 - share))
    else:
        effect = np.square(sizes).sum() / n
    wider = special.stdtrit(groups - 1, tail(comparisons)) / normal_quantile(comparisons)
    return float(min(n, max(1.0, effect) * wider**2))


def exact_proportion(name: str, successes: int, n: int, comparisons: int = 1) -> Measure:
    """Estimate a share with the exact binomial interval, which holds for the smallest counts.

    Source: Clopper, Pearson 1934, doi:10.1093/biomet/26.4.404.
    """
    need(n, 1, name)
    hits, misses, share = successes, n - successes, tail(comparisons)
    low = 0.0 if hits == 0 else float(special.betaincinv(hits, misses + 1, share))
    high = 1.0 if misses == 0 else float(special.betainccinv(hits + 1, misses, share))
    how = f"Clopper-Pearson {level(comparisons)}"
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


def ratio(
    name: str,
    a: Measure,
    b: Measure,
    comparisons: int = 1,
    designs: tuple[float, float] = (1.0, 1.0),
) -> Measure:
    """Estimate share `a` over share `b` of independent samples; `b` must not be 0.

    Source: Katz et al. 1978, doi:10.2307/2530610, on the logarithm, with half a success added to
    each count so that it is defined for none. Counts are over the shares' design effects.
    """
    n, m = a.n / designs[0], b.n / designs[1]
    hits, others = a.value * n + 0.5, b.value * m + 0.5
    middle = np.log(hits / (n + 0.5)) - np.log(others / (m + 0.5))
    spread = np.sqrt(1 / hits - 1 / (n + 0.5) + 1 / others - 1 / (m + 0.5))
    half = normal_quantile(comparisons) * spread
    value, low, high = a.value / b.value, float(np.exp(middle - half)), float(np.exp(middle + half))
    how = f"Katz {level(comparisons)}"
    low = 0.0 if a.value == 0 else min(low, value)
    return Measure(name, value, low, max(high, value), a.n + b.n, "", how)


def equality(a: Measure, b: Measure, designs: tuple[float, float] = (1.0, 1.0)) -> float:
    """Give the two-sided p-value of two shares of independent samples being the same.

    The score test (Pearson's chi-squared), or Fisher's exact test where it expects fewer than 5
    of anything (Cochran 1954, doi:10.2307/3001616). Counts are over the shares' design effects.
    """
    n = [round(share.n / design) for share, design in zip((a, b), designs, strict=True)]
    hits = [round(share.value * counted) for share, counted in zip((a, b), n, strict=True)]
    counts = np.array([hits, np.subtract(n, hits)])
    expected = np.outer(counts.sum(1), counts.sum(0)) / counts.sum()
    if expected.min() < 5:
        from scipy import stats  # takes longer to import than all else that is used here

        return float(stats.fisher_exact(counts).pvalue)
    return float(special.chdtrc(1, ((counts - expected) ** 2 / expected).sum()))


def mcnemar(only_a: int, only_b: int) -> float:
    """Give McNemar's exact two-sided p-value of two classifiers being right equally often.

    Source: Dietterich 1998, doi:10.1162/089976698300017197; the binomial test of the rows on which
    exactly one of them is right.
    """
    fewer, all_told = min(only_a, only_b), only_a + only_b
    return min(1.0, 2 * float(special.bdtr(fewer, all_told, 0.5)))
