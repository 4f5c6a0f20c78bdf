from dataclasses import dataclass, replace

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


@dataclass(frozen=True)
class NesterovState(MomentumState):
    """Where an attack with Nesterov's momentum stands; its candidates are ahead of it.

    Args:
        at: where the steps have led, (N, …).
    """

    at: Tensor


def at_rest_ahead(state: State) -> NesterovState:
    """Give a state to which no gradient was added yet, and that looks ahead of its steps."""
    return state.extended(NesterovState, velocity=torch.zeros_like(state.x), at=state.x)


def step_ahead(
    state: NesterovState, velocity: Tensor, length: float, mu: float, unit: Tensor, is_last: bool
) -> NesterovState:
    """Step along the velocity's sign, and look as far ahead as the velocity will carry.

    Source: Lin et al. 2019, arXiv:1908.06281, the attack NI-FGSM.

    Args:
        state: before the step.
        velocity: with the newest gradient, (N, …).
        length: of the step, in units.
        mu: what stays of the velocity at the next step.
        unit: one unit of each feature, shaped like an input; 0 where it cannot change.
        is_last: the next candidate is where the steps have led, not what lies ahead.
    """
    at = state.box(state.at + length * velocity.sign() * unit)
    x = at if is_last else at + length * mu * velocity * unit
    return replace(state, x=x, at=at, velocity=velocity)
