"""How well scores rank positives above negatives, also of rows that belong together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from roadworthy.core.estimates.measure import Measure, level, need, normal_quantile
from roadworthy.core.estimates.shares import exact_proportion


def midranks(values: np.ndarray) -> np.ndarray:
    """Rank values (N,) from 1 on; equal ones share the mean of their ranks."""
    _, place, times = np.unique(values, return_inverse=True, return_counts=True)
    ranks: np.ndarray = (times.cumsum() - (times - 1) / 2)[place]
    return ranks


def auc(name: str, positives: np.ndarray, negatives: np.ndarray, comparisons: int = 1) -> Measure:
    """Estimate the chance that a positive scores above a negative; ties count half.

    Source: DeLong et al. 1988, doi:10.2307/2531595, by the ranks of Sun, Xu 2014,
    doi:10.1109/LSP.2014.2337313; the interval is made on the logit scale, so it stays within
    0 and 1. Where the scores separate perfectly it is the exact binomial one of disjoint pairs.
    """
    m, n = len(positives), len(negatives)
    need(min(m, n), 2, name)
    ranks = midranks(np.concatenate([positives, negatives]))
    above = (ranks[:m] - midranks(positives)) / n  # V10 of the paper
    below = 1 - (ranks[m:] - midranks(negatives)) / m  # V01
    value = float(above.mean())
    variance = above.var(ddof=1) / m + below.var(ddof=1) / n
    if variance == 0 or not 0 < value < 1:
        pairs = exact_proportion(name, round(value * min(m, n)), min(m, n), comparisons)
        return replace(pairs, value=value, n=m + n, unit="")
    half = normal_quantile(comparisons) * np.sqrt(variance) / (value * (1 - value))
    low, high = special.expit(special.logit(value) + np.array([-half, half]))
    return Measure(name, value, float(low), float(high), m + n, "", f"DeLong {level(comparisons)}")


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
        ranks = midranks(np.concatenate([scores[ins], scores[outs]]))
        above = ranks[:m] - midranks(scores[ins])
        below = m - (ranks[m:] - midranks(scores[outs]))
        rows_and_above.append((ins, above, n))
        rows_and_above.append((outs, below, m))
        ordered, pairs, disjoint = ordered + above.sum(), pairs + m * n, disjoint + min(m, n)
    need(disjoint, 2, "a ranking")
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
    half = normal_quantile(comparisons) * error / (of.value * (1 - of.value))
    low, high = special.expit(special.logit(of.value) + np.array([-half, half]))
    how = f"{_components(clusters)} {level(comparisons)}"
    return Measure(name, of.value, float(low), float(high), len(of.influence), "", how)


def ranked_difference(
    name: str, a: Ranking, b: Ranking, clusters: np.ndarray | None = None
) -> Measure:
    """Estimate AUC `a` minus AUC `b` of the same rows.

    Source: DeLong et al. 1988, doi:10.2307/2531595, and Obuchowski 1997, doi:10.2307/2533958.
    """
    half = normal_quantile(1) * _spread(a.influence - b.influence, clusters)[0]
    value, how = a.value - b.value, f"paired {_components(clusters)} {level(1)}"
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
    half = normal_quantile(1) * _spread(slope, clusters)[0]
    how = f"paired {_components(clusters)} {level(1)}"
    return Measure(name, value, value - half, value + half, len(a.influence), "share", how)


def _components(clusters: np.ndarray | None) -> str:
    return "DeLong" if clusters is None else "DeLong by cluster"


def _spread(influence: np.ndarray, clusters: np.ndarray | None) -> tuple[float, int]:
    """Give the standard error of a sum of influences (N,), and how many units it rests on."""
    if clusters is not None:
        influence = np.bincount(np.unique(clusters, return_inverse=True)[1], influence)
    units = len(influence)
    return float(np.sqrt(units / max(1, units - 1) * np.square(influence).sum())), units
