"""How well scores put the rows of a query in order.

Rows come with the number of their query (N,), in any order; a measure is given for each query (Q,),
by rising number, NaN for one that has nothing to order.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

Gain = Literal["linear", "exponential"]
LONG = 1000  # rows of a query, from where on sorting beats looking at all pairs


@dataclass(frozen=True, eq=False)
class _Laid:
    """Rows by query, in each by falling score; rows of the same score make a run.

    Args:
        order: (N,) which row is at a place.
        query: (N,) whose rows lie there, from 0.
        place: (N,) how many rows of the query come before.
        run: (N,) which run a place is in.
        last: (R,) the last place of each run.
    """

    order: np.ndarray
    query: np.ndarray
    place: np.ndarray
    run: np.ndarray
    last: np.ndarray

    @classmethod
    def of(cls, query: np.ndarray, scores: np.ndarray) -> "_Laid":
        number = np.unique(query, return_inverse=True)[1]
        order = np.lexsort((-scores, number))
        number, falling = number[order], scores[order]
        starts = np.flatnonzero(np.diff(number, prepend=-1))
        place = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
        ends = (np.diff(falling, append=np.nan) != 0) | (np.diff(number, append=-1) != 0)
        run = np.cumsum(ends) - ends
        return cls(order, number, place, run, np.flatnonzero(ends))

    def by_run(self, values: np.ndarray) -> np.ndarray:
        """Add values of rows (N,) up over runs (R,)."""
        return np.bincount(self.run, values[self.order])

    def by_query(self, values: np.ndarray) -> np.ndarray:
        """Add values of runs (R,) up over queries (Q,)."""
        return np.bincount(self.query[self.last], values)


def ndcg(
    query: np.ndarray,
    relevance: np.ndarray,
    scores: np.ndarray,
    k: int | None = None,
    gain: Gain = "linear",
) -> np.ndarray:
    """Give the normalized discounted cumulative gain of the first k places (Q,).

    Rows of the same score share the mean of their gains. Source: Järvelin and Kekäläinen 2002,
    doi:10.1145/582415.582418; ties: McSherry and Najork 2008, doi:10.1007/978-3-540-78646-7_38.
    """
    gains = relevance if gain == "linear" else np.exp2(relevance) - 1
    k = len(query) if k is None else k
    found, ideal = (_discounted(_Laid.of(query, by), gains, k) for by in (scores, gains))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(ideal > 0, found / ideal, np.nan))


def _discounted(laid: _Laid, gains: np.ndarray, k: int) -> np.ndarray:
    """Give the discounted gain (Q,) of the first k places."""
    discount = np.where(laid.place < k, 1 / np.log2(laid.place + 2.0), 0)
    mean = laid.by_run(gains) / np.bincount(laid.run)
    return laid.by_query(mean * np.bincount(laid.run, discount))


def average_precision(query: np.ndarray, is_relevant: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Give the mean precision at the places of relevant rows (Q,); ties count as one place."""
    laid = _Laid.of(query, scores)
    hits = laid.by_run(is_relevant)
    total = laid.by_query(hits)
    before = np.pad(total.cumsum(), (1, 0))[laid.query[laid.last]]  # in the queries before
    precision = (hits.cumsum() - before) / (laid.place[laid.last] + 1)
    with np.errstate(invalid="ignore"):
        return np.asarray(laid.by_query(hits * precision) / total)


def kendall_tau(query: np.ndarray, targets: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Give Kendall's tau-b of scores and targets (Q,); 0 where only the scores are all the same."""
    _, number, sizes = np.unique(query, return_inverse=True, return_counts=True)
    order = np.argsort(number, kind="stable")
    number, targets, scores = number[order], targets[order], scores[order]
    starts = np.pad(sizes.cumsum(), (1, 0))[:-1]
    is_long = sizes > LONG
    is_short = ~is_long[number]
    agreed, by_target, by_score = _pairs(
        number[is_short], targets[is_short], scores[is_short], len(sizes)
    )
    with np.errstate(invalid="ignore"):
        found = agreed / np.sqrt(by_target * by_score)
    for long in np.flatnonzero(is_long):
        own = slice(starts[long], starts[long] + sizes[long])
        found[long] = stats.kendalltau(targets[own], scores[own]).statistic
    low, high = np.minimum.reduceat(targets, starts), np.maximum.reduceat(targets, starts)
    return np.asarray(np.where(low < high, np.nan_to_num(found), np.nan))


def _pairs(number: np.ndarray, targets: np.ndarray, scores: np.ndarray, queries: int) -> np.ndarray:
    """Count the pairs of rows, of sorted queries, by what orders them (3, Q).

    Agreeing less disagreeing ones, those that the targets order, and those that the scores order.
    """
    counts = np.zeros((3, queries))
    for lag in range(1, int(np.bincount(number).max(initial=0))):  # pairs that many places apart
        first = np.flatnonzero(number[lag:] == number[:-lag])
        by_target, by_score = (
            np.sign(values[first + lag] - values[first]) for values in (targets, scores)
        )
        for count, signs in zip(
            counts, (by_target * by_score, by_target**2, by_score**2), strict=True
        ):
            count += np.bincount(number[first], signs, queries)
    return counts
