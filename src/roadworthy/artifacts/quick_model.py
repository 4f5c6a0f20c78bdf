"""A linear model that is fitted in moments, for many targets at once."""

import numpy as np

from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Ranking, mean_ranking, ranking

FEWEST = 10  # rows of a class, below which its ranking says next to nothing


def one_hot(code: np.ndarray) -> np.ndarray:
    """Turn class numbers (N,) into indicators (N, K) of the classes that occur."""
    found, place = np.unique(code, return_inverse=True)
    return np.eye(len(found))[place]


def ridge(
    x: np.ndarray, targets: np.ndarray, other: np.ndarray, *, is_centered: bool = True
) -> np.ndarray:
    """Fit targets (N, T) by ridge regression on columns (N, D); predict those of other rows (M, D).

    Columns are in units of their spread, and the penalty is their number: it outweighs the data
    where there are fewer rows than columns. Unless they are centered, predictions lack the
    targets' mean: then those of several folds can be ranked together.
    """
    center, spread = x.mean(0), x.std(0)
    spread = np.where(spread > 1e-12 * (1 + np.abs(center)), spread, np.inf)
    x, other = (x - center) / spread, (other - center) / spread
    mean = targets.mean(0)
    n, d = x.shape
    if d <= n:
        weight = np.linalg.solve(x.T @ x + d * np.eye(d), x.T @ (targets - mean))
    else:  # the same by the kernel matrix, which is smaller
        weight = x.T @ np.linalg.solve(x @ x.T + d * np.eye(n), targets - mean)
    predicted: np.ndarray = other @ weight
    return predicted + mean if is_centered else predicted


def cross_fitted_ridge(x: np.ndarray, targets: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Score rows (N, D) for each target (N, T) by a ridge regression on the other folds."""
    scores = np.empty(targets.shape)
    for k in np.unique(fold):
        own = fold == k
        scores[own] = ridge(x[~own], targets[~own], x[own], is_centered=False)
    return scores


def class_ranking(
    scores: np.ndarray, code: np.ndarray, strata: np.ndarray | None = None
) -> Ranking:
    """Rank each class of (N,) that has enough rows against the rest by its scores (N, K); average.

    Raises:
        NotAssessed: no class has enough rows.
    """
    found, size = np.unique(code, return_counts=True)
    parts = [
        ranking(scores[:, place], code == k, strata)
        for place, k in enumerate(found)
        if size[place] >= FEWEST and has_pairs(code == k, strata)
    ]
    if not parts:
        raise NotAssessed(f"no class has {FEWEST} rows to rank against others")
    # of two classes the second mirrors the first
    return mean_ranking(parts[:1] if len(found) == 2 else parts)


def has_pairs(is_positive: np.ndarray, strata: np.ndarray | None, least: int = FEWEST) -> bool:
    """Say whether enough rows of both sides meet within strata."""
    stratum = np.zeros(len(is_positive), dtype=int) if strata is None else strata
    sides = np.stack([np.bincount(stratum, side) for side in (is_positive, ~is_positive)])
    return bool(sides.min(0).sum() >= least)
