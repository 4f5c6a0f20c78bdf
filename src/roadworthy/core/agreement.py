"""How far raters agree beyond chance; NaN where all ratings are the same or there are too few.

`counts` (..., N, K) says how many raters gave each of N rows each of K classes; `weights` (N,), how
often a row counts, so that rows can be drawn again.
"""

from typing import Literal

import numpy as np

Level = Literal["nominal", "ordinal", "interval"]


def rating_counts(labels: np.ndarray, classes: int) -> np.ndarray:
    """Count labels (..., N, R) of R raters, -1 where one gave none: (..., N, K)."""
    return np.stack([(labels == k).sum(-1) for k in range(classes)], -1).astype(float)


def fleiss_kappa(counts: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Agreement of raters, the same number for every row: (...,).

    Source: Fleiss 1971, doi:10.1037/h0031619.
    """
    raters, weights = _raters(counts), _shares(counts, weights)
    alike = (weights @ np.square(counts)).sum(-1)
    agreed = (alike - raters) / (raters * (raters - 1))
    expected = np.square(_class_shares(counts, weights)).sum(-1)
    return _over_chance(1 - agreed, 1 - expected)


def category_kappas(counts: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Agreement on each class against all others: (..., K).

    Source: Fleiss 1971; it equals `fleiss_kappa` of the class and the rest.
    """
    raters, weights = _raters(counts), _shares(counts, weights)
    shares = _class_shares(counts, weights)
    mixed = weights @ (counts * (raters - counts))
    return _over_chance(mixed / (raters * (raters - 1)), shares * (1 - shares))


def krippendorff_alpha(
    counts: np.ndarray, level: Level = "nominal", weights: np.ndarray | None = None
) -> float:
    """Agreement of any number of raters for each row of (N, K), on classes in their order.

    Source: Krippendorff 2011, "Computing Krippendorff's alpha-reliability",
    repository.upenn.edu/asc_papers/43. Rows with fewer than two ratings do not count.
    """
    raters = counts.sum(1)
    is_paired = raters >= 2
    times = np.ones(len(counts)) if weights is None else weights
    paired = counts[is_paired]
    scaled = paired * (times[is_paired] / (raters[is_paired] - 1))[:, None]
    coincidences = scaled.T @ paired - np.diag(scaled.sum(0))
    total = coincidences.sum(0)
    far = _distances(total, level)
    observed = (coincidences * far).sum()
    expected = (np.outer(total, total) * far).sum() / (total.sum() - 1) if total.sum() > 1 else 0.0
    return float(1 - observed / expected) if expected > 0 else float("nan")


def _distances(total: np.ndarray, level: Level) -> np.ndarray:
    """Give the squared difference of each two classes (K, K)."""
    if level == "nominal":
        return 1 - np.eye(len(total))
    place = np.arange(len(total), dtype=float)
    if level == "ordinal":
        place = total.cumsum() - total / 2  # ratings below the middle of a class
    return np.asarray(np.square(place[:, None] - place))


def _raters(counts: np.ndarray) -> float:
    return float(counts.reshape(-1, counts.shape[-1])[0].sum())


def _shares(counts: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    weights = np.ones(counts.shape[-2]) if weights is None else weights
    return np.asarray(weights / weights.sum())


def _class_shares(counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.asarray(weights @ counts / _raters(counts))


def _over_chance(apart: np.ndarray, by_chance: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(by_chance > 0, 1 - apart / by_chance, np.nan))
