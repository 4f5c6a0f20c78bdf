from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.attack import State
from roadworthy.core.shapes import per_sample


@dataclass(frozen=True)
class MomentumState(State):
    """Where an attack with momentum stands.

    Args:
        velocity: the gradients so far, each of length 1, the older the fainter, (N, …).
    """

    velocity: Tensor


def at_rest(state: State) -> MomentumState:
    """Give a state to which no gradient was added yet."""
    return state.extended(MomentumState, velocity=torch.zeros_like(state.x))


def gather(velocity: Tensor, gradient: Tensor, mu: float, unit: Tensor) -> Tensor:
    """Add a gradient (N, …), brought to an L1 length of 1, to the velocity.

    Source: Dong et al. 2017, arXiv:1710.06081, equation 6.

    Args:
        velocity: (N, …).
        gradient: (N, …).
        mu: what stays of the velocity.
        unit: one unit of each feature, shaped like an input; 0 where it cannot change.
    """
    length = (gradient * unit).flatten(1).abs().sum(1).clamp_min(torch.finfo(gradient.dtype).tiny)
    return mu * velocity + gradient / per_sample(length, gradient)
