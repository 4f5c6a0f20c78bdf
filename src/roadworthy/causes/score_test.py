import numpy as np
from scipy import special


def score_test(scores: np.ndarray, by_model: np.ndarray) -> float:
    """Give the p-value of a fitted model leaving nothing to be explained by added columns.

    Rao's score test (Rao 1948, doi:10.1017/S0305004100023987). The variance is taken once from the
    model, once from the rows, which holds where spreads differ from row to row or chances are near
    0 and 1; the larger p-value counts.

    Args:
        scores: (N, R) each row's residual times what is new in the added columns.
        by_model: (R, R) the variance of their sum where the model is true.
    """
    return max(_p_value(scores, by_model), _p_value(scores, scores.T @ scores))


def _p_value(scores: np.ndarray, variance: np.ndarray) -> float:
    size, directions = np.linalg.eigh(variance)
    is_free = size > 1e-9 * max(size.max(), 1e-12)
    statistic = np.square(directions.T @ scores.sum(0))[is_free] / size[is_free]
    return float(special.chdtrc(is_free.sum(), statistic.sum())) if is_free.any() else 1.0
