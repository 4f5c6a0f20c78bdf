from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.directions import in_units
from roadworthy.attacks.losses import lead, toward_nearest
from roadworthy.attacks.schedules import cosine
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball

BETA_1, BETA_2 = 0.9, 0.999  # of Adam


@dataclass(frozen=True)
class SigmaZeroState(State):
    """Where sigma-zero stands.

    Args:
        tau: smallest change that is kept, as a share of a feature's range, (N,).
        mean: running mean of the gradients, (N, …).
        square: running mean of their squares, (N, …).
    """

    tau: Tensor
    mean: Tensor
    square: Tensor


@dataclass(frozen=True)
class SigmaZero(EvasionAttack):
    """Sigma-zero: an error that changes few features, by a smooth stand-in for their number.

    Descends on the model's lead and Σ δ²/(δ² + σ), and takes back all changes below a threshold
    that rises while the sample is adversarial and falls while it is not.

    Threat model: white box, L0, minimal norm; targeted or not.
    Cost: `steps` gradients per sample, and nine forward passes to shorten and verify.
    Source: Cinà et al. 2024, arXiv:2402.01879, algorithm 1; Adam's steps as in the authors' code.
    Differs from the paper: 100 steps by default, not 1000; the loss of the first half is the
    log-odds, which see all classes, not yet the difference of the two largest logits; changes are
    measured in shares of a feature's range, so that they suit any unit; the driver takes back the
    smallest changes that are not needed.

    Args:
        steps: gradient steps per sample.
        eta: length of the first step, as a share of the range; it ends at a tenth of it.
        sigma: sharpness of the stand-in: changes well below its root count little.
        tau: the first threshold.
        rate: change of the threshold per step, as a share of the step's length.
    """

    steps: int = 100
    eta: float = 1.0
    sigma: float = 0.001
    tau: float = 0.3
    rate: float = 0.01

    card = Card("sigma-zero", "Sigma-zero", aliases=("sigmazero",), paper="arxiv:2402.01879")
    threats = frozenset({"l0"})
    needs = frozenset({Offer.GRADIENTS})
    is_minimal = True
    ends_at_success = False

    def start(self, model: Model, state: State, threat: Ball) -> State:
        zeros, tau = torch.zeros_like(state.x), torch.full_like(state.sign, self.tau)
        return state.extended(SigmaZeroState, tau=tau, mean=zeros, square=zeros)

    def step(self, model: Model, state: SigmaZeroState, look: Look, threat: Ball) -> State:
        width = (state.high - state.low) * (threat.unit(state.x) > 0)
        delta = in_units(state.x - state.origin, width)
        is_late = torch.full_like(state.finished, 2 * look.step >= self.steps)
        toward = look.gradient(toward_nearest(state, is_late)) * width
        is_adversarial = lead(state, look.logits) < 0
        count = 2 * self.sigma * delta / (delta.square() + self.sigma).square() / delta[0].numel()
        gradient = count - per_sample((~is_adversarial).to(delta), delta) * toward
        largest = gradient.flatten(1).abs().amax(1).clamp_min(torch.finfo(delta.dtype).tiny)
        gradient = gradient / per_sample(largest, delta)
        mean = BETA_1 * state.mean + (1 - BETA_1) * gradient
        square = BETA_2 * state.square + (1 - BETA_2) * gradient.square()
        unbiased = mean / (1 - BETA_1 ** (look.step + 1))
        scale = (square / (1 - BETA_2 ** (look.step + 1))).sqrt() + 1e-8
        eta = cosine(self.eta, self.eta / 10, look.step, self.steps)
        x = state.box(state.origin + (delta - eta * unbiased / scale) * width)
        delta = in_units(x - state.origin, width)
        change = torch.where(is_adversarial, self.rate, -self.rate) * eta
        tau = (state.tau + change).clamp(0, 1)
        delta = torch.where(delta.abs() < per_sample(tau, delta), 0, delta)
        return replace(state, x=state.origin + delta * width, tau=tau, mean=mean, square=square)
