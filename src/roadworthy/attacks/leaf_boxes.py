import torch
from torch import Tensor

from roadworthy.core.attack import State
from roadworthy.core.threat import Ball
from roadworthy.core.tree_ensemble import TreeEnsemble


def enter(ensemble: TreeEnsemble, state: State, threat: Ball) -> tuple[Tensor, Tensor]:
    """Find the nearest input in the box of each leaf, and how far it is.

    Returns:
        Inputs (N, L, D) that reach the leaves, and distances (N, L): infinite where the box of
        valid values or a fixed feature keeps a leaf out of reach.
    """
    low, high = (part[None] for part in ensemble.boxes)
    origin = state.origin.flatten(1)[:, None]
    valid = (part.flatten(1)[:, None] for part in (state.low, state.high))
    lowest, highest = next(valid), next(valid)
    low, high = torch.maximum(low, lowest), torch.minimum(high, highest)
    inside = torch.minimum(torch.maximum(origin, low), high)
    delta = (inside - origin).reshape(-1, *state.origin.shape[1:])
    distance = threat.distance(delta).reshape(len(origin), -1)
    is_empty = (low > high).any(2)
    return inside, distance.masked_fill(is_empty | distance.isnan(), float("inf"))


def is_aim(ensemble: TreeEnsemble, state: State) -> Tensor:
    """Say of each leaf of a single tree whether its class is the attacker's aim: (N, L)."""
    choice = ensemble.scores[ensemble.leaves].argmax(1)[None]
    is_class = choice == state.y[:, None]
    return is_class if state.is_targeted else ~is_class
