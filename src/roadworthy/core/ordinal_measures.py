"""How far answers are from ordered classes, from counts (..., K, K) of true classes and answers.

Leading axes hold resamples, or models that are compared. What is divided by nothing is NaN.
"""

from collections.abc import Callable, Mapping

import numpy as np


def confusion(y: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    """Count answers (..., N) by true classes y (..., N): (..., K, K), a row per true class."""
    y, answers = np.broadcast_arrays(y, answers)
    rows = y.reshape(-1, y.shape[-1])
    number = np.arange(len(rows))[:, None] * classes**2
    cells = (number + rows * classes + answers.reshape(rows.shape)).ravel()
    counts = np.bincount(cells, minlength=len(rows) * classes**2)
    return counts.reshape(*y.shape[:-1], classes, classes).astype(float)


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Give the share of right answers (...,)."""
    return _mean(counts, _distance(counts) == 0)


def off_by_one(counts: np.ndarray) -> np.ndarray:
    """Give the share of answers that are right or a neighbor of what is (...,)."""
    return _mean(counts, _distance(counts) <= 1)


def mean_absolute_error(counts: np.ndarray) -> np.ndarray:
    """Give the mean distance of answers in classes (...,)."""
    return _mean(counts, _distance(counts))


def root_mean_square_error(counts: np.ndarray) -> np.ndarray:
    """Give the root of the mean squared distance (...,)."""
    return np.asarray(np.sqrt(_mean(counts, _distance(counts) ** 2)))


def balanced_absolute_error(counts: np.ndarray) -> np.ndarray:
    """Give the mean over classes of the mean distance in each, of those that have rows (...,).

    Source: Baccianella, Esuli and Sebastiani 2009, doi:10.1109/ISDA.2009.230 (AMAE).
    """
    with np.errstate(invalid="ignore"):
        by_class = (counts * _distance(counts)).sum(-1) / counts.sum(-1)
    has_rows = counts.sum(-1) > 0
    return _over(np.where(has_rows, by_class, 0).sum(-1), has_rows.sum(-1))


def quadratic_kappa(counts: np.ndarray) -> np.ndarray:
    """Give Cohen's kappa with squared distances as weights (...,).

    Source: Cohen 1968, doi:10.1037/h0026256.
    """
    far = _distance(counts) ** 2
    by_chance = counts.sum(-1)[..., :, None] * counts.sum(-2)[..., None, :]
    expected = (by_chance * far).sum((-2, -1)) / counts.sum((-2, -1))
    return 1 - _over((counts * far).sum((-2, -1)), expected)


def kendall_tau(counts: np.ndarray) -> np.ndarray:
    """Give Kendall's tau-b of answers and classes (...,).

    Source: Kendall 1945, doi:10.1093/biomet/33.3.239.
    """
    agree = (counts * _beyond(counts)).sum((-2, -1))
    flipped = counts[..., ::-1]
    disagree = (flipped * _beyond(flipped)).sum((-2, -1))
    total = counts.sum((-2, -1))
    untied = [_pairs(total) - _pairs(counts.sum(axis)).sum(-1) for axis in (-1, -2)]
    return _over(agree - disagree, np.sqrt(untied[0] * untied[1]))


def ranked_probability_score(probabilities: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Give the squared distance of cumulative probabilities to the classes: (..., N).

    Source: Epstein 1969, doi:10.1175/1520-0450(1969)008<0985:ASSFPF>2.0.CO;2, as a distance and
    summed over ranks: from 0 to K - 1.

    Args:
        probabilities: (..., N, K).
        y: (N,) classes.
    """
    classes = probabilities.shape[-1]
    is_below = y[:, None] <= np.arange(classes)
    return np.asarray(np.square(probabilities.cumsum(-1) - is_below).sum(-1))


def breaks_order(is_above: np.ndarray, slack: float = 0.0) -> np.ndarray:
    """Say of which rows the probability (..., N, K - 1) of being above a rank rises with the rank.

    Args:
        is_above: of each rank.
        slack: a rise that is still none.
    """
    return np.asarray((np.diff(is_above, axis=-1) > slack).any(-1))


ORDINAL_MEASURES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "mean absolute error": mean_absolute_error,
    "mean absolute error, classes alike": balanced_absolute_error,
    "root mean square error": root_mean_square_error,
    "quadratic kappa": quadratic_kappa,
    "accuracy": accuracy,
    "at most one class off": off_by_one,
    "Kendall's tau-b": kendall_tau,
}


def _distance(counts: np.ndarray) -> np.ndarray:
    place = np.arange(counts.shape[-1])
    return np.asarray(np.abs(place[:, None] - place))


def _mean(counts: np.ndarray, values: np.ndarray) -> np.ndarray:
    return _over((counts * values).sum((-2, -1)), counts.sum((-2, -1)))


def _over(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(b > 0, a / b, np.nan))


def _beyond(counts: np.ndarray) -> np.ndarray:
    """Count what lies below and to the right of each cell."""
    reverse = counts[..., ::-1, ::-1].cumsum(-2).cumsum(-1)[..., ::-1, ::-1]
    beyond = np.zeros_like(counts)
    beyond[..., :-1, :-1] = reverse[..., 1:, 1:]
    return beyond


def _pairs(n: np.ndarray) -> np.ndarray:
    return np.asarray(n * (n - 1) / 2)
