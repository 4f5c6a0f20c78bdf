"""What is learned only to be taken off: expectations and chances, for rows not learned from."""

from collections.abc import Callable
from typing import Any

import numpy as np

LEARNERS = ("linear", "curves", "trees")
TREES = {"max_iter": 60, "max_leaf_nodes": 8, "min_samples_leaf": 20, "random_state": 0}


def regressor(name: str, bent: int | None = None) -> Any:
    """Make a learner of numbers, of any unit: `linear`, `curves` or `trees`.

    Curves may be kept to so many of the first columns.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor  # slow to import
    from sklearn.linear_model import Ridge

    return (
        HistGradientBoostingRegressor(**TREES)
        if name == "trees"
        else _scaled(name, Ridge(1e-3), bent)
    )


def classifier(name: str) -> Any:
    """Make a learner of chances: `trees`, or `linear` or `curves` in their logits."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # slow to import
    from sklearn.linear_model import LogisticRegression

    if name == "trees":
        return HistGradientBoostingClassifier(**TREES)
    penalty = 0.1 if name == "curves" else 100  # logits that bend too far make weights explode
    return _scaled(name, LogisticRegression(C=penalty, max_iter=2000))


def _scaled(name: str, learner: Any, bent: int | None = None) -> Any:
    from sklearn.pipeline import make_pipeline  # slow to import
    from sklearn.preprocessing import StandardScaler

    from roadworthy.causes.bends import Bends

    before = [StandardScaler(), Bends(bent)] if name == "curves" else [StandardScaler()]
    return make_pipeline(*before, learner)


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


def expectations_of_two(
    held: np.ndarray,
    is_treated: np.ndarray,
    y: np.ndarray,
    fold: np.ndarray,
    learners: tuple[str, ...],
) -> tuple[np.ndarray, np.ndarray]:
    """Predict what numbers are without a treatment and with it: (N,) each.

    Of the rows of each treatment alone; or, where learners have `curves`, of all rows together, by
    curves that both have in common and straight lines that the treatment adds. Where few rows of
    one treatment are like those of the other, that is what they can still be compared by. Whichever
    errs least on rows left out is used.
    """
    parts = [
        [expectations(held, y, fold, (name,), of=own) for own in (~is_treated, is_treated)]
        for name in learners
    ]
    if "curves" in learners:
        parts.append(_together(held, is_treated, y, fold))

    def off(said: list[np.ndarray]) -> float:
        return float(np.square(np.where(is_treated, said[1], said[0]) - y).mean())

    without, treated = min(parts, key=off)
    return without, treated


def _together(
    held: np.ndarray, is_treated: np.ndarray, y: np.ndarray, fold: np.ndarray
) -> list[np.ndarray]:
    """Predict numbers without and with a treatment that adds straight lines to common curves."""

    def seen(treatment: np.ndarray) -> np.ndarray:
        return np.c_[held, treatment, treatment[:, None] * held]

    said = [np.empty(len(y)), np.empty(len(y))]
    for k in np.unique(fold):
        learner = regressor("curves", bent=held.shape[1])
        learner.fit(seen(is_treated)[fold != k], y[fold != k])
        for treatment, values in enumerate(said):
            values[fold == k] = learner.predict(seen(np.full(len(y), treatment))[fold == k])
    return said


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
    said = np.empty(len(y))
    for k in np.unique(fold):
        learned = is_own & (fold != k)
        said[fold == k] = predict(make(name).fit(x[learned], y[learned]), x[fold == k])
    return said
