"""Shares of rows and what differs between them, from counts."""

from dataclasses import replace

import numpy as np
from scipy import special

from roadworthy.core.estimates.measure import Measure, level, need, normal_quantile, tail


def proportion(name: str, successes: int, n: int, comparisons: int = 1) -> Measure:
    """Estimate a share with Wilson's interval (Wilson 1927, doi:10.2307/2276774)."""
    need(n, 1, name)
    share, z = successes / n, normal_quantile(comparisons)
    center = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # at the ends rounding would leave the estimate a hair outside
    low = 0.0 if successes == 0 else float(center - half)
    high = 1.0 if successes == n else float(center + half)
    return Measure(name, share, low, high, n, "share", f"Wilson {level(comparisons)}")


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


def ratio(name: str, a: Measure, b: Measure, comparisons: int = 1) -> Measure:
    """Estimate share `a` over share `b` of independent samples; `b` must not be 0.

    Source: Katz et al. 1978, doi:10.2307/2530610, on the logarithm, with half a success added to
    each count so that it is defined for none.
    """
    hits, others = a.value * a.n + 0.5, b.value * b.n + 0.5
    middle = np.log(hits / (a.n + 0.5)) - np.log(others / (b.n + 0.5))
    spread = np.sqrt(1 / hits - 1 / (a.n + 0.5) + 1 / others - 1 / (b.n + 0.5))
    half = normal_quantile(comparisons) * spread
    value, low, high = a.value / b.value, float(np.exp(middle - half)), float(np.exp(middle + half))
    how = f"Katz {level(comparisons)}"
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


def mcnemar(only_a: int, only_b: int) -> float:
    """Give McNemar's exact two-sided p-value of two classifiers being right equally often.

    Source: Dietterich 1998, doi:10.1162/089976698300017197; the binomial test of the rows on which
    exactly one of them is right.
    """
    fewer, all_told = min(only_a, only_b), only_a + only_b
    return min(1.0, 2 * float(special.bdtr(fewer, all_told, 0.5)))
