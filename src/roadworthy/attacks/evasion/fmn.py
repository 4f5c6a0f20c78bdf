from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.directions import dual_length, in_units, steepest
from roadworthy.attacks.losses import lead, toward_nearest
from roadworthy.attacks.schedules import cosine
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class FMNState(State):
    """Where FMN stands.

    Args:
        eps: radius that the next candidate is held to, (N,).
        nearest: distance of the nearest adversarial candidate; the box's far end without one, (N,).
        is_found: there was an adversarial candidate, (N,).
    """

    eps: Tensor
    nearest: Tensor
    is_found: Tensor


@dataclass(frozen=True)
class FMN(EvasionAttack):
    """Fast minimum norm.

    Steps along the gradient inside a ball whose radius shrinks while the sample is adversarial and
    grows while it is not; until the first success the radius is where a linear model would err. In
    L0 the radius is a number of features and changes by one at least.

    Threat model: white box, L-inf, L2, L1 or L0, minimal norm; targeted or not.
    Cost: `steps` gradients per sample, and nine forward passes to shorten and verify.
    Source: Pintor et al. 2021, arXiv:2102.12827, algorithm 1.
    Differs from the paper: before the first success the radius grows by at least `gamma` per step,
    as the linear estimate does not know of pixels that are at the end of their range and stalls
    there; the loss of the first half is the log-odds, not yet the difference of the two largest
    logits; a step is the norm's steepest one, in L1 that of L2 as in the paper, over the features
    that the box lets move, and its length is relative to the radius, so that it suits any unit; in
    L0 it is relative to the box's diagonal, so that a feature goes all the way; the driver shortens
    the result along the line to its origin.

    Args:
        steps: gradient steps per sample.
        alpha: length of the first step, as a share of the radius; it ends at a hundredth of it.
        gamma: relative change of the radius at the first step, in (0, 1).
        last_gamma: the same at the last step.
    """

    steps: int = 100
    alpha: float = 1.0
    gamma: float = 0.05
    last_gamma: float = 0.001

    card = Card("fmn", "Fast minimum norm", paper="arxiv:2102.12827")
    threats = frozenset({"linf", "l2", "l1", "l0"})
    needs = frozenset({Offer.GRADIENTS})
    is_minimal = True
    ends_at_success = False

    def start(self, model: Model, state: State, threat: Ball) -> State:
        zeros = torch.zeros_like(state.sign)
        farthest = torch.maximum(state.high - state.origin, state.origin - state.low)
        nearest = threat.distance(farthest * (threat.unit(state.x) > 0))
        return state.extended(
            FMNState,
            eps=zeros,
            nearest=nearest,
            is_found=torch.zeros_like(zeros).bool(),
        )

    def step(self, model: Model, state: FMNState, look: Look, threat: Ball) -> State:
        is_late = torch.full_like(state.finished, 2 * look.step >= self.steps)
        gradient = look.gradient(toward_nearest(state, is_late))
        delta, ahead = state.x - state.origin, lead(state, look.logits)
        distance, is_adversarial = threat.distance(delta), ahead < 0
        nearest = torch.where(is_adversarial, torch.minimum(distance, state.nearest), state.nearest)
        state = replace(state, nearest=nearest, is_found=state.is_found | is_adversarial)
        gamma = cosine(self.gamma, self.last_gamma, look.step, self.steps)
        alpha = cosine(self.alpha, self.alpha / 100, look.step, self.steps)
        if threat.norm == "l0":
            eps = _count(state.eps, gamma, is_adversarial, nearest)
            x = _keep_most_moved(state, gradient, alpha, eps, threat)
            return replace(state, x=x, eps=eps)
        unit = threat.unit(state.x)
        slope = dual_length(gradient, threat.norm, unit)
        boundary = torch.where(slope > 0, distance + ahead.abs() / slope, distance)
        grown = state.eps * (1 + gamma)
        grown = torch.where(state.is_found, grown, torch.maximum(grown, boundary))
        shrunk = state.eps * (1 - gamma)
        eps = torch.minimum(torch.where(is_adversarial, shrunk, grown), nearest)
        is_stuck = torch.where(gradient > 0, state.x >= state.high, state.x <= state.low)
        # of L1 the steepest step is one feature, and the box soon stops it
        norm = "l2" if threat.norm == "l1" else threat.norm
        step = steepest(torch.where(is_stuck, 0, gradient), norm, unit)
        moved = delta + per_sample(alpha * eps, delta) * step
        return replace(state, x=state.origin + threat.project(moved, eps), eps=eps)


def _count(eps: Tensor, gamma: float, is_adversarial: Tensor, nearest: Tensor) -> Tensor:
    """Change numbers of features (N,) by one at least, to below the least that was enough."""
    fewer = torch.minimum(torch.minimum(eps - 1, (eps * (1 - gamma)).floor()), nearest - 1)
    more = torch.maximum(eps + 1, (eps * (1 + gamma)).floor())
    return torch.where(is_adversarial, fewer, more).clamp_min(1)


def _keep_most_moved(
    state: FMNState, gradient: Tensor, alpha: float, eps: Tensor, threat: Ball
) -> Tensor:
    """Step along the gradient and keep the features that moved most, as shares of their range."""
    width = (state.high - state.low) * (threat.unit(state.x) > 0)
    diagonal = gradient[0].numel() ** 0.5  # of the box, in shares
    moved = state.x - state.origin + alpha * diagonal * steepest(gradient, "l2", width)
    kept = Ball("l0", threat.eps).project(in_units(moved, width), eps)
    return state.origin + kept * width
