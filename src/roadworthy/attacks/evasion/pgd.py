from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.directions import farthest_l0, farthest_l1, steepest
from roadworthy.attacks.losses import log_odds
from roadworthy.attacks.schedules import cosine
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball

L0_START = 0.1  # of a feature's range
TO_CORNER = 0.5  # of the way there, in L1 and L0


@dataclass(frozen=True)
class PGD(EvasionAttack):
    """Projected gradient descent on the cross-entropy, from a random start.

    Steps along the steepest direction of the norm and projects back into the ball, `steps` times.
    In L1 and L0 a step goes half way to the corner of ball and box where a linear model would err
    most, so it stays within both.

    Threat model: white box, L-inf, L2, L1 or L0, fixed budget; targeted or not.
    Cost: `steps` gradients per sample; a sample that succeeds stops.
    Source: Madry et al. 2017, arXiv:1706.06083, section 2.1.
    Differs from the paper: the gradient is that of the log-odds, which has the cross-entropy's
    direction but does not vanish; steps grow shorter, which finds more errors in fewer steps than
    steps of one length; a sample leaves at its first success; the L2 and L1 starts are
    uniform in direction and radius, the L0 start moves random features; the L1 and L0 steps are
    those of Frank and Wolfe (doi:10.1002/nav.3800030109), since a projection takes back what the
    box does not allow, and in L0 seldom lets go of a feature.

    Args:
        steps: gradient steps per sample.
        first_step: length of the first L-inf or L2 step, as a share of the radius.
        last_step: the same at the end; it falls along half a cosine. Equal ones are the paper's.
    """

    steps: int = 40
    first_step: float = 0.5
    last_step: float = 0.02

    card = Card("pgd", "Projected gradient descent", aliases=("madry",), paper="arxiv:1706.06083")
    threats = frozenset({"linf", "l2", "l1", "l0"})
    needs = frozenset({Offer.GRADIENTS})

    def start(self, model: Model, state: State, threat: Ball) -> State:
        shape, unit = state.x.shape[1:], threat.unit(state.x)
        if threat.norm == "linf":
            noise = threat.eps * (2 * state.streams.uniform(shape, state.x.dtype) - 1) * unit
        elif threat.norm == "l0":
            width = (state.high - state.low) * (unit > 0)
            noise = L0_START * (2 * state.streams.uniform(shape, state.x.dtype) - 1) * width
        else:
            radius = threat.eps * state.streams.uniform((1,) * len(shape), state.x.dtype)
            noise = radius * _random_direction(state, threat)
        return replace(state, x=state.origin + noise)

    def step(self, model: Model, state: State, look: Look, threat: Ball) -> State:
        gradient = look.gradient(log_odds(state))
        if threat.norm in ("l1", "l0"):
            farthest = farthest_l1 if threat.norm == "l1" else farthest_l0
            corner = state.origin + farthest(gradient, state, threat)
            return replace(state, x=state.x + TO_CORNER * (corner - state.x))
        direction = steepest(gradient, threat.norm, threat.unit(state.x))
        length = cosine(self.first_step, self.last_step, look.step, self.steps) * threat.eps
        return replace(state, x=state.x + length * direction)


def _random_direction(state: State, threat: Ball) -> Tensor:
    """Draw changes (N, …) of L2 or L1 length one unit, uniform in direction."""
    shape, unit = state.x.shape[1:], threat.unit(state.x)
    if threat.norm == "l2":
        return steepest(state.streams.normal(shape, state.x.dtype), "l2", unit)
    sides = 2 * state.streams.uniform(shape, state.x.dtype) - 1
    sizes = -sides.abs().clamp_min(torch.finfo(sides.dtype).tiny).log() * (unit > 0)
    direction = sizes * sides.sign() * unit
    return direction / per_sample(sizes.flatten(1).sum(1).clamp_min(1e-30), sizes)
