"""How well scores order rows within queries; a query's rows are padded to the longest one's.

Scores, relevances and `is_row` (which places hold a row) are (Q, L); a measure is (Q,), NaN for a
query that has nothing to order.
"""

from typing import Literal

import numpy as np

Gain = Literal["linear", "exponential"]


def by_query(query: np.ndarray, *columns: np.ndarray) -> tuple[np.ndarray, ...]:
    """Lay rows (N,) out by query: `is_row`, then each column, all (Q, L)."""
    _, number = np.unique(query, return_inverse=True)
    order = np.argsort(number, kind="stable")
    sizes = np.bincount(number)
    place = np.arange(len(query)) - np.repeat(sizes.cumsum() - sizes, sizes)
    laid = []
    for column in (np.ones(len(query), dtype=bool), *columns):
        table = np.zeros((len(sizes), sizes.max()), dtype=column.dtype)
        table[number[order], place] = column[order]
        laid.append(table)
    return tuple(laid)


def ndcg(
    relevance: np.ndarray,
    scores: np.ndarray,
    is_row: np.ndarray,
    k: int | None = None,
    gain: Gain = "linear",
) -> np.ndarray:
    """Give the normalized discounted cumulative gain of the first k places (Q,).

    Rows of the same score share the mean of their gains. Source: Järvelin and Kekäläinen 2002,
    doi:10.1145/582415.582418; ties: McSherry and Najork 2008, doi:10.1007/978-3-540-78646-7_38.
    """
    gains = np.where(is_row, relevance if gain == "linear" else np.exp2(relevance) - 1, 0.0)
    k = gains.shape[1] if k is None else k
    ideal = _discounted(gains, np.where(is_row, gains, -np.inf), k)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = _discounted(gains, np.where(is_row, scores, -np.inf), k) / ideal
    return np.asarray(np.where(ideal > 0, found, np.nan))


def average_precision(
    is_relevant: np.ndarray, scores: np.ndarray, is_row: np.ndarray
) -> np.ndarray:
    """Give the mean precision at the places of relevant rows (Q,); ties count as one place."""
    order, ends = _sorted(np.where(is_row, scores, -np.inf))
    hits = np.take_along_axis(is_relevant & is_row, order, 1).cumsum(1)
    precision = hits / np.arange(1, hits.shape[1] + 1)
    at_ends = np.where(ends, hits, 0)
    before = np.maximum.accumulate(np.pad(at_ends, ((0, 0), (1, 0)))[:, :-1], axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray((np.where(ends, hits - before, 0) * precision).sum(1) / hits[:, -1])


def kendall_tau(targets: np.ndarray, scores: np.ndarray, is_row: np.ndarray) -> np.ndarray:
    """Give Kendall's tau-b of scores and targets (Q,); takes Q L² memory."""
    is_pair = is_row[:, :, None] & is_row[:, None, :]
    by_target, by_score = (
        np.where(is_pair, np.sign(values[:, :, None] - values[:, None, :]), 0)
        for values in (targets, scores)
    )
    untied = [np.square(signs).sum((1, 2)) for signs in (by_target, by_score)]
    with np.errstate(invalid="ignore"):
        return np.asarray((by_target * by_score).sum((1, 2)) / np.sqrt(untied[0] * untied[1]))


def _discounted(gains: np.ndarray, scores: np.ndarray, k: int) -> np.ndarray:
    """Give the discounted gain (Q,) of the first k places by falling scores."""
    order, ends = _sorted(scores)
    place = np.arange(gains.shape[1])
    discount = np.broadcast_to(np.where(place < k, 1 / np.log2(place + 2.0), 0), gains.shape)
    tied = np.pad(ends.ravel().cumsum(), (1, 0))[:-1]  # which set of equal scores a place is in
    sums = np.bincount(tied, np.take_along_axis(gains, order, 1).ravel())
    mean = (sums / np.bincount(tied))[tied].reshape(gains.shape)
    return np.asarray((mean * discount).sum(1))


def _sorted(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the order (Q, L) by falling scores, and which places end a run of equal ones."""
    order = np.argsort(-scores, axis=1, kind="stable")
    falling = np.take_along_axis(scores, order, 1)
    ends = np.ones(scores.shape, dtype=bool)
    ends[:, :-1] = falling[:, :-1] != falling[:, 1:]
    return order, ends
