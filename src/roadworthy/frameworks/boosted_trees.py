"""The decision trees of XGBoost and LightGBM boosters, native or inside their estimators."""

import json
import sys
from typing import Any

import numpy as np
import torch
from torch import Tensor

from roadworthy.core.tree_ensemble import TreeEnsemble
from roadworthy.frameworks.trees import Tree, based, join


def margins(values: np.ndarray) -> np.ndarray:
    """Give raw scores as logits (N, K); of two classes the first has 0."""
    values = np.asarray(values, dtype=np.float64)
    return np.stack([np.zeros_like(values), values], 1) if values.ndim == 1 else values


def read_booster(model: Any, rows: Tensor) -> TreeEnsemble | None:
    """Read a booster's or its estimator's trees; None where it is neither or they are unusual.

    Args:
        model: is used only if its library is loaded: who holds a booster has imported it.
        rows: (N, D) some inputs, to find what boosting starts from.
    """
    xgboost, lightgbm = sys.modules.get("xgboost"), sys.modules.get("lightgbm")
    if xgboost is not None:
        if isinstance(model, xgboost.XGBClassifier):
            booster = model.get_booster()
            best = getattr(model, "best_iteration", None) if model.early_stopping_rounds else None
            return xgboost_trees(booster if best is None else booster[: best + 1], rows)
        if isinstance(model, xgboost.Booster):
            return xgboost_trees(model, rows)
    if lightgbm is not None:
        if isinstance(model, lightgbm.LGBMClassifier):
            return lightgbm_trees(model.booster_, rows)
        if isinstance(model, lightgbm.Booster):
            return lightgbm_trees(model, rows)
    return None


def xgboost_trees(booster: Any, rows: Tensor) -> TreeEnsemble | None:
    """Read XGBoost's trees, in which x goes left where it is under the threshold, in float32."""
    import xgboost

    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    parts = learner["gradient_booster"]
    if parts["name"] != "gbtree":  # dart scales its trees, gblinear has none
        return None
    raw = booster.predict(xgboost.DMatrix(rows[:1].float().numpy()), output_margin=True)
    start = margins(raw)
    trees = []
    for tree, column in zip(parts["model"]["trees"], parts["model"]["tree_info"], strict=True):
        if any(tree["split_type"]):  # a set of categories, not a threshold
            return None
        # printed as decimals that stand for numbers in float32
        ends = np.array(tree["split_conditions"], dtype=np.float32)
        left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
        values = column_of(ends, column, start.shape[1])  # a leaf keeps its value there
        trees.append(Tree(np.array(tree["split_indices"]), ends, left, right, values))
    found = join(trees, rows.shape[1], is_probability=False, is_strict=True)
    return based(found, rows[:1], torch.from_numpy(start))


def lightgbm_trees(booster: Any, rows: Tensor) -> TreeEnsemble | None:
    """Read LightGBM's trees, in which x goes left where it is at most the threshold."""
    start = margins(booster.predict(rows[:1].double().numpy(), raw_score=True))
    dump = booster.dump_model()
    columns = dump["num_tree_per_iteration"]
    share = columns / len(dump["tree_info"]) if dump.get("average_output") else 1.0
    trees = []
    for number, tree in enumerate(dump["tree_info"]):
        nodes = _nodes(tree["tree_structure"])
        if nodes is None:
            return None
        feature, threshold, left, right, values = (
            np.array(part) for part in zip(*nodes, strict=True)
        )
        values = column_of(values * share, number % columns, start.shape[1])
        trees.append(Tree(feature, threshold, left, right, values))
    found = join(trees, rows.shape[1], is_probability=False)
    return based(found, rows[:1], torch.from_numpy(start))


def column_of(values: np.ndarray, column: int, classes: int) -> np.ndarray:
    """Give values (M,) to one class; of two classes the second has all of them."""
    columns = np.zeros((len(values), classes))
    columns[:, 1 if classes == 2 else column] = values
    return columns


def _nodes(root: dict[str, Any]) -> list[tuple[int, float, int, int, float]] | None:
    """List a tree's nodes; None where one splits by category or takes zero for missing."""
    nodes: list[Any] = [None]
    todo = [(root, 0)]
    while todo:
        node, place = todo.pop()
        if "leaf_value" in node:
            nodes[place] = (0, 0.0, -1, -1, node["leaf_value"])
            continue
        if node["decision_type"] != "<=" or node["missing_type"] == "Zero":
            return None
        left, right = len(nodes), len(nodes) + 1
        nodes += [None, None]
        nodes[place] = (node["split_feature"], node["threshold"], left, right, 0.0)
        todo += [(node["left_child"], left), (node["right_child"], right)]
    return nodes
