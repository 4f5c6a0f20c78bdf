from collections.abc import Callable

import torch
from torch import Tensor

Weights = dict[str, Tensor]


def descend(
    loss: Callable[[Weights], Tensor],
    weights: Weights,
    rate: float,
    steps: int,
    is_first_order: bool = False,
) -> Weights:
    """Take steps of plain gradient descent, and leave them open to be differentiated through.

    With `is_first_order` the steps' slopes count as constants.
    """
    for _ in range(steps):
        slopes = torch.func.grad(loss)(weights)
        if is_first_order:
            slopes = {name: slope.detach() for name, slope in slopes.items()}
        weights = {name: weight - rate * slopes[name] for name, weight in weights.items()}
    return weights


def shared_head(vector: Tensor, ways: int) -> Weights:
    """Start every class's row of a linear layer with the same vector (D,)."""
    return {"weight": vector.expand(ways, -1), "bias": vector.new_zeros(ways)}


def apply_head(head: Weights, features: Tensor) -> Tensor:
    """Give logits (N, ways) of features (N, D)."""
    return features @ head["weight"].mT + head["bias"]
