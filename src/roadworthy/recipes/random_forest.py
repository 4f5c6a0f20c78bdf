from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress
from roadworthy.core.training import Recipe
from roadworthy.networks import Part, build
from roadworthy.training.trained import check_fits, trained


@dataclass(frozen=True)
class RandomForest(Recipe):
    """Grows decision trees on resampled rows and averages them; offers scores, no gradients.

    scikit-learn grows them; they are kept as arrays, whose predictions equal scikit-learn's.
    Categories are split by their codes; images are flattened.

    Source: Breiman 2001, doi:10.1023/A:1010933404324.

    Args:
        trees: how many.
        min_leaf: least rows in a leaf.
    """

    trees: int = 100
    min_leaf: int = 1

    card = Card(
        "random-forest", "Random forest", aliases=("forest",), paper="doi:10.1023/A:1010933404324"
    )
    tasks = frozenset({Task.NOMINAL, Task.ORDINAL, Task.REGRESSION})
    kinds = frozenset({"image", "tabular"})

    def fit(self, data: Dataset, rows: Split, seed: int, progress: Progress) -> Model:
        from sklearn import ensemble  # slow to import

        check_fits(self, data)
        if not len(rows):
            raise InputError("there are no rows to train on")
        is_regression = data.task == Task.REGRESSION
        grower = (
            ensemble.RandomForestRegressor if is_regression else ensemble.RandomForestClassifier
        )(self.trees, min_samples_leaf=self.min_leaf, random_state=seed % 2**32)
        grower.fit(rows.x.flatten(1).numpy(), rows.y.numpy())
        progress.advance(1.0)
        network, parts = _as_network(grower, max(1, len(data.classes)))
        return trained(network, parts, self, data)


def _as_network(grower: Any, outputs: int) -> tuple[nn.Sequential, tuple[Part, ...]]:
    """Put the nodes of all trees into one list."""
    trees = [estimator.tree_ for estimator in grower.estimators_]
    sizes = np.array([tree.node_count for tree in trees])
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    settings = {
        "trees": len(trees),
        "nodes": int(sizes.sum()),
        "depth": int(max(tree.max_depth for tree in trees)),
        "outputs": outputs,
        "is_probability": hasattr(grower, "classes_"),
    }
    parts = (Part("forest", settings),)
    network = build(parts)
    itself = np.arange(sizes.sum())
    offset = roots.repeat(sizes)
    left = np.concatenate([tree.children_left for tree in trees])
    right = np.concatenate([tree.children_right for tree in trees])
    values = np.zeros((len(itself), outputs))
    seen = grower.classes_ if hasattr(grower, "classes_") else [0]
    values[:, seen] = np.concatenate([tree.value[:, 0] for tree in trees])
    arrays = {
        "roots": roots,
        "left": np.where(left < 0, itself, left + offset),
        "right": np.where(left < 0, itself, right + offset),
        # the feature of a leaf is negative; whatever is compared there, both children are itself
        "feature": np.concatenate([tree.feature for tree in trees]).clip(0),
        "threshold": np.concatenate([tree.threshold for tree in trees]),
        "values": values / values.sum(1, keepdims=True) if settings["is_probability"] else values,
    }
    network[0].load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return network.eval(), parts
