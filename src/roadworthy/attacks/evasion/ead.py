from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.constants import ConstantState, begin, first_constant, record, turn
from roadworthy.attacks.directions import in_units
from roadworthy.attacks.losses import lead, toward_nearest
from roadworthy.attacks.schedules import cosine_each
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class EADState(ConstantState):
    """Where EAD stands.

    Args:
        last: the change after the last shrinking, in units and before any momentum, (N, …).
        reach: what one feature may have to move, in units, (N,).
    """

    last: Tensor
    reach: Tensor


@dataclass(frozen=True)
class EAD(EvasionAttack):
    """Elastic-net attack: the nearest error in L1, or in L2 with few features.

    Minimizes c·max(lead, 0) + |δ|² and |δ|₁, one of them with a small weight, by shrinking each
    feature after each gradient step (FISTA), and searches for the smallest c that makes an error.

    Threat model: white box, L1 or L2, minimal norm; targeted or not. In L1 the nearest error in L1
    counts, the paper's decision rule of that name, and L1 leads the objective.
    Cost: at most `steps` gradients per sample, fewer where the loss stalls, and nine forward passes
    to shorten and verify.
    Source: Chen et al. 2017, arXiv:1709.04114, algorithm 1.
    Differs from the paper: the term of the threat's norm has weight 1 and the other one `beta`,
    both in units of what a feature has to move; the model is asked where the gradient is taken
    only, which halves the forward passes; c starts where a linear model would need it and is
    searched for in proportion, so five rounds do; a round that stalls is over; the first one
    follows the log-odds, which see all classes.

    Args:
        steps: gradient steps per sample, in all rounds together.
        searches: rounds, each with its own c.
        rate: length of the first steps of a round, as a share of the gradient.
        beta: weight of the other norm's term.
    """

    steps: int = 500
    searches: int = 5
    rate: float = 0.05
    beta: float = 0.01

    card = Card("ead", "Elastic-net attack", aliases=("elastic-net",), paper="arxiv:1709.04114")
    threats = frozenset({"l1", "l2"})
    needs = frozenset({Offer.GRADIENTS})
    is_minimal = True
    ends_at_success = False

    def start(self, model: Model, state: State, threat: Ball) -> State:
        zeros = torch.zeros_like(state.x)
        return begin(state, EADState, last=zeros, reach=torch.zeros_like(state.sign))

    def step(self, model: Model, state: EADState, look: Look, threat: Ball) -> State:
        unit, in_l1 = threat.unit(state.x), threat.norm == "l1"
        delta, ahead = in_units(state.x - state.origin, unit), lead(state, look.logits)
        gradient = look.gradient(toward_nearest(state, state.rounds > 0)) * unit
        if look.step == 0:
            state = _scaled(state, ahead, gradient, unit, in_l1)
        linear, square = (1.0, self.beta) if in_l1 else (self.beta, 1.0)
        l1, square_l2 = delta.flatten(1).abs().sum(1), delta.flatten(1).square().sum(1)
        penalty = state.constant * ahead.clamp_min(0)
        loss = linear * state.reach * l1 + square * square_l2 + penalty
        state = record(state, ahead < 0, loss)
        length = self.steps // self.searches
        rate = cosine_each(self.rate, self.rate / 10, state.age, length)
        pull = per_sample(state.constant * (ahead >= 0), delta) * gradient
        moved = delta - per_sample(rate, delta) * (2 * square * delta - pull)
        least = per_sample(rate * linear * state.reach, delta)
        shrunk = moved.sign() * (moved.abs() - least).clamp_min(0)
        shrunk = in_units(state.box(state.origin + shrunk * unit) - state.origin, unit)
        momentum = per_sample((state.age - 1) / (state.age + 2), delta)
        x = state.origin + (shrunk + momentum * (shrunk - state.last)) * unit
        state, is_over = turn(state, self.searches, length)
        is_over = per_sample(is_over, delta)
        return replace(
            state,
            x=torch.where(is_over, state.origin, x),
            last=torch.where(is_over, 0, shrunk),
        )


def _scaled(
    state: EADState, ahead: Tensor, gradient: Tensor, unit: Tensor, in_l1: bool
) -> EADState:
    """Set c, and what a feature has to move: to the plane of a linear model, or through the box."""
    steepest = gradient.flatten(1).abs().amax(1)
    room = in_units(torch.maximum(state.high - state.origin, state.origin - state.low), unit)
    reach = torch.minimum(ahead / steepest, room.flatten(1).amax(1))
    # in L1 a feature moves only if c times its slope is more than the shrinking
    enough = torch.where(steepest > 0, 2 * reach / steepest, 1)
    constant = enough if in_l1 else first_constant(ahead, gradient)
    return replace(state, reach=reach, constant=constant)
