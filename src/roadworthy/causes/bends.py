from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

KNOTS = 8  # quantiles, the least and the largest value among them


class Bends(TransformerMixin, BaseEstimator):
    """Adds curves of each column to columns (N, Q) of one scale, for a ridge regression of them.

    They bend at quantiles of the column and are straight beyond its ends. The sum of their squared
    weights is the integral of the curve's squared second derivative, which is what a smoothing
    spline is charged for, so that a straight line costs next to nothing.

    Args:
        columns: so many of the first ones bend; None bends all.

    Source: Wahba 1990, Spline Models for Observational Data, chapter 1 (the kernel of cubics).
    """

    def __init__(self, columns: int | None = None) -> None:
        self.columns = columns

    def fit(self, x: np.ndarray, y: np.ndarray | None = None) -> Self:
        self.least_ = x.min(0)
        self.knots_, self.turns_ = [], []
        for column in (x - self.least_).T[: self.columns]:
            knots = np.unique(np.quantile(column, np.linspace(0, 1, KNOTS)))[1:]
            knots = knots if len(knots) > 1 else knots[:0]  # two values lie on a line
            sizes, axes = np.linalg.eigh(_cubics(knots, knots))
            is_kept = sizes > 1e-9 * sizes.max(initial=0)
            self.knots_.append(knots)
            self.turns_.append(axes[:, is_kept] / np.sqrt(sizes[is_kept]))
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        above = (x - self.least_).T[: self.columns]
        parts = zip(above, self.knots_, self.turns_, strict=True)
        return np.hstack([x, *(_cubics(column, knots) @ turn for column, knots, turn in parts)])


def _cubics(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Give the kernel (N, K) of numbers (N,) and knots (K,), both above 0."""
    low = np.minimum(x[:, None], knots).clip(0)
    return np.square(low) * (3 * np.maximum(x[:, None], knots) - low) / 6
