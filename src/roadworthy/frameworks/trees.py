"""What the libraries' tree ensembles have in common once their numbers were read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from roadworthy.core.tree_ensemble import TreeEnsemble, below, strictly_below
from roadworthy.frameworks.outputs import FLOOR

TOLERANCE = 1e-4  # boosting libraries add up in float32


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree as a library keeps it; children and root are numbered within the tree.

    Args:
        feature: (M,).
        threshold: (M,).
        left: (M,) children where x is at most the threshold; negative at a leaf.
        right: (M,) children elsewhere.
        values: (M, K) what the nodes say.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    values: np.ndarray


def join(
    trees: Sequence[Tree], features: int, *, is_probability: bool, is_strict: bool = False
) -> TreeEnsemble:
    """Put the nodes of all trees into one list.

    Args:
        trees: in any order; their values add up.
        features: how many features an input has.
        is_probability: the sums are probabilities.
        is_strict: x goes left only where it is smaller than the threshold.
    """
    sizes = np.array([len(tree.left) for tree in trees])
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    offset, itself = roots.repeat(sizes), np.arange(sizes.sum())
    left, right = (np.concatenate([getattr(t, side) for t in trees]) for side in ("left", "right"))
    is_leaf = left < 0
    values = np.concatenate([tree.values for tree in trees]).astype(np.float64)
    threshold = torch.tensor(np.concatenate([t.threshold for t in trees]).astype(np.float64))
    feature = np.concatenate([tree.feature for tree in trees]).astype(np.int64)
    return TreeEnsemble(
        roots=torch.tensor(roots),
        feature=torch.tensor(np.where(is_leaf, 0, feature)),
        threshold=strictly_below(threshold) if is_strict else below(threshold),
        left=torch.tensor(np.where(is_leaf, itself, left + offset)),
        right=torch.tensor(np.where(is_leaf, itself, right + offset)),
        scores=torch.tensor(np.where(is_leaf[:, None], values, 0.0)),
        base=torch.zeros(values.shape[1], dtype=torch.float64),
        features=features,
        is_probability=is_probability,
    )


def based(ensemble: TreeEnsemble, row: Tensor, scores: Tensor) -> TreeEnsemble:
    """Start the sums so that one row (1, D) gets the scores (1, K) that its library gives it."""
    return replace(ensemble, base=(scores - ensemble.add_up(row))[0])


def gives(ensemble: TreeEnsemble, rows: Tensor, outputs: Tensor) -> bool:
    """Say whether the trees give a model's log-probabilities (N, K) of rows (N, D)."""
    sums = ensemble.add_up(rows)
    if sums.shape != outputs.shape:
        return False
    logs = sums.clamp_min(FLOOR).log() if ensemble.is_probability else sums.log_softmax(1)
    difference = (logs.clamp_min(-20) - outputs.double().clamp_min(-20)).abs()
    return bool((difference <= TOLERANCE * (1 + outputs.abs())).all())


def placed(ensemble: TreeEnsemble, numbers: tuple[int, ...], classes: int) -> TreeEnsemble:
    """Put the scores into the dataset's order of classes; one never seen gets the lowest."""
    if numbers == tuple(range(classes)):
        return ensemble
    index = torch.tensor(numbers)
    scores = ensemble.scores.new_zeros(len(ensemble.scores), classes)
    least = ensemble.scores.amin() * len(ensemble.roots) + ensemble.base.amin() - 1
    base = least.expand(classes).clone()
    return replace(
        ensemble,
        scores=scores.index_copy(1, index, ensemble.scores),
        base=base.index_copy(0, index, ensemble.base),
    )
