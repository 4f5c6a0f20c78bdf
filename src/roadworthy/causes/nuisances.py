"""What is learned only to be taken off: expectations and chances, for rows not learned from."""

from collections.abc import Callable
from typing import Any

import numpy as np

KNOTS = tuple(k / 20 for k in range(1, 20, 2))  # quantiles at which a curve may bend
LEARNERS = ("linear", "curves", "trees")
TREES = {"max_iter": 60, "max_leaf_nodes": 8, "min_samples_leaf": 20, "random_state": 0}


def regressor(name: str) -> Any:
    """Make a learner of numbers: `trees`, or straight lines."""
    from sklearn.ensemble import HistGradientBoostingRegressor  # slow to import
    from sklearn.linear_model import Ridge

    return HistGradientBoostingRegressor(**TREES) if name == "trees" else Ridge(1e-3)


def classifier(name: str) -> Any:
    """Make a learner of chances: `trees`, or straight lines in their logits."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # slow to import
    from sklearn.linear_model import LogisticRegression

    if name == "trees":
        return HistGradientBoostingClassifier(**TREES)
    return LogisticRegression(C=100, max_iter=2000)


def deal(n: int, folds: int, seed: int, groups: np.ndarray | None = None) -> np.ndarray:
    """Deal rows, or whole groups of them, into folds: (N,)."""
    unit = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    order = np.random.default_rng(seed).permutation(int(unit.max()) + 1)
    return (order % folds)[unit]


def expectations(
    held: np.ndarray,
    y: np.ndarray,
    fold: np.ndarray,
    learners: tuple[str, ...],
    of: np.ndarray | None = None,
) -> np.ndarray:
    """Predict numbers (N,) of each row by models that did not see it.

    Args:
        held: (N, Q) what they are predicted from.
        y: (N,).
        fold: (N,) rows of one number are predicted together.
        learners: of `LEARNERS`; the one with the smallest squared error is used.
        of: (N,) rows that are learned from; all by default.
    """

    def predict(learned: Any, x: np.ndarray) -> np.ndarray:
        said: np.ndarray = learned.predict(x)
        return said

    is_own = np.ones(len(y), dtype=bool) if of is None else of
    said = [_cross_fitted(name, held, y, fold, is_own, regressor, predict) for name in learners]
    return min(said, key=lambda own: np.square(own - y)[is_own].mean())


def chances(
    held: np.ndarray, is_so: np.ndarray, fold: np.ndarray, learners: tuple[str, ...]
) -> np.ndarray:
    """Predict the chance (N,) of a statement of each row by models that did not see it."""

    def predict(learned: Any, x: np.ndarray) -> np.ndarray:
        chance: np.ndarray = learned.predict_proba(x)[:, 1]
        return chance

    is_own = np.ones(len(is_so), dtype=bool)
    said = [
        _cross_fitted(name, held, is_so, fold, is_own, classifier, predict) for name in learners
    ]
    return min(said, key=lambda own: -np.log(np.where(is_so, own, 1 - own).clip(1e-6)).mean())


def _cross_fitted(
    name: str,
    held: np.ndarray,
    y: np.ndarray,
    fold: np.ndarray,
    is_own: np.ndarray,
    make: Callable[[str], Any],
    predict: Callable[[Any, np.ndarray], np.ndarray],
) -> np.ndarray:
    x = held if held.shape[1] else np.zeros((len(y), 1))  # learners want a column
    x = _bent(x) if name == "curves" else x
    said = np.empty(len(y))
    for k in np.unique(fold):
        learned = is_own & (fold != k)
        said[fold == k] = predict(make(name).fit(x[learned], y[learned]), x[fold == k])
    return said


def _bent(x: np.ndarray) -> np.ndarray:
    """Add what a column (N, Q) is above some of its quantiles: lines that bend there."""
    hinges = np.maximum(x[:, None, :] - np.quantile(x, KNOTS, axis=0), 0).reshape(len(x), -1)
    return np.hstack([x, hinges[:, hinges.std(0) > 0]])
