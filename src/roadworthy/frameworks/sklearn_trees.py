"""The decision trees of fitted scikit-learn classifiers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn import ensemble, tree
from torch import Tensor

from roadworthy.core.tree_ensemble import TreeEnsemble
from roadworthy.frameworks.boosted_trees import column_of, read_booster
from roadworthy.frameworks.trees import Tree, based, join


def read_trees(estimator: Any, rows: Tensor) -> TreeEnsemble | None:
    """Read a classifier's trees, in its own order of classes; None where it has none.

    Args:
        estimator: the fitted estimator.
        rows: (N, D) some inputs, to find what boosting starts from.
    """
    read = READERS.get(type(estimator))
    if read is None:
        return read_booster(estimator, rows)
    if getattr(estimator, "n_outputs_", 1) != 1:
        return None
    return read(estimator, rows)


def _tree(grown: Any, values: np.ndarray) -> Tree:
    return Tree(grown.feature, grown.threshold, grown.children_left, grown.children_right, values)


def _forest(estimator: Any, rows: Tensor) -> TreeEnsemble:
    grown = [part.tree_ for part in getattr(estimator, "estimators_", [estimator])]
    trees = []
    for part in grown:
        counts = part.value[:, 0]
        trees.append(_tree(part, counts / counts.sum(1, keepdims=True) / len(grown)))
    return join(trees, rows.shape[1], is_probability=True)


def _boosting(estimator: Any, rows: Tensor) -> TreeEnsemble:
    # the exponential loss reads half the log-odds
    rate = estimator.learning_rate * (2 if estimator.loss == "exponential" else 1)
    trees = [
        _tree(part.tree_, column_of(rate * part.tree_.value[:, 0, 0], k, len(estimator.classes_)))
        for stage in estimator.estimators_
        for k, part in enumerate(stage)
    ]
    return _started(estimator, trees, rows)


def _histogram_boosting(estimator: Any, rows: Tensor) -> TreeEnsemble | None:
    trees = []
    for stage in estimator._predictors:  # no public name gives them
        for k, part in enumerate(stage):
            nodes = part.nodes
            if nodes["is_categorical"].any():
                return None
            is_leaf = nodes["is_leaf"].astype(bool)
            left, right = (
                np.where(is_leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right")
            )
            values = column_of(nodes["value"], k, len(estimator.classes_))
            trees.append(Tree(nodes["feature_idx"], nodes["num_threshold"], left, right, values))
    return _started(estimator, trees, rows)


def _started(estimator: Any, trees: list[Tree], rows: Tensor) -> TreeEnsemble:
    found = join(trees, rows.shape[1], is_probability=False)
    start = np.log(np.maximum(estimator.predict_proba(rows[:1].numpy()), 1e-300))
    return based(found, rows[:1], torch.from_numpy(start))


READERS: dict[type, Callable[[Any, Tensor], TreeEnsemble | None]] = {
    tree.DecisionTreeClassifier: _forest,
    tree.ExtraTreeClassifier: _forest,
    ensemble.RandomForestClassifier: _forest,
    ensemble.ExtraTreesClassifier: _forest,
    ensemble.GradientBoostingClassifier: _boosting,
    ensemble.HistGradientBoostingClassifier: _histogram_boosting,
}
