"""How many numbers a fitted scikit-learn estimator has learned."""

from typing import Any

import numpy as np
from sklearn import impute, preprocessing
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectorMixin
from sklearn.pipeline import Pipeline

# what scales, fills, names or leaves out columns could be told by the weights that come after
FOLDED = (
    preprocessing.StandardScaler,
    preprocessing.MinMaxScaler,
    preprocessing.MaxAbsScaler,
    preprocessing.RobustScaler,
    preprocessing.OneHotEncoder,
    preprocessing.OrdinalEncoder,
    impute.SimpleImputer,
    SelectorMixin,
)


def learned_numbers(estimator: Any) -> int | None:
    """Count the weights of a linear model, or all arrays that were learned; None where unknown."""
    if hasattr(estimator, "best_estimator_"):
        return learned_numbers(estimator.best_estimator_)
    if hasattr(estimator, "estimators_"):
        return None
    if isinstance(estimator, Pipeline):
        return _sum(step for _, step in estimator.steps)
    if isinstance(estimator, ColumnTransformer):
        return _sum(step for _, step, _ in estimator.transformers_)
    if estimator in (None, "passthrough", "drop") or isinstance(estimator, FOLDED):
        return 0
    if isinstance(estimator, preprocessing.FunctionTransformer) and estimator.func is None:
        return 0  # how scikit-learn writes columns that are passed through
    learned = {name: value for name, value in vars(estimator).items() if name.endswith("_")}
    if {"coef_", "intercept_"} <= set(learned):
        learned = {name: learned[name] for name in ("coef_", "intercept_")}
    sizes = [
        array.size
        for name, value in learned.items()
        if not name.startswith("_") and name != "classes_"
        for array in map(np.asarray, value if isinstance(value, list) else [value])
        if array.dtype.kind == "f" and (array.ndim or name == "intercept_")
    ]
    return sum(sizes) or None


def _sum(steps: Any) -> int | None:
    counts = [learned_numbers(step) for step in steps]
    return None if None in counts else sum(counts)
