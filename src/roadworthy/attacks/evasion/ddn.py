from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.directions import steepest
from roadworthy.attacks.losses import lead, toward_nearest
from roadworthy.attacks.schedules import cosine
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class DDNState(State):
    """Where DDN stands.

    Args:
        norm: length of the perturbation, (N,).
    """

    norm: Tensor


@dataclass(frozen=True)
class DDN(EvasionAttack):
    """Decoupled direction and norm.

    Follows the gradient's direction at a norm that shrinks while the sample is adversarial and
    grows while it is not, so no constant has to be searched for.

    Threat model: white box, L2, minimal norm; targeted or not.
    Cost: `steps` gradients per sample, and nine forward passes to shorten and verify.
    Source: Rony et al. 2019, arXiv:1811.09600, algorithm 1.
    Differs from the paper: the gradient is that of the log-odds, which has the cross-entropy's
    direction but does not vanish, and in the second half that of the lead over the best other
    class, which is the boundary's; candidates are not rounded to 256 levels; the driver shortens
    the result along the line to its origin.

    Args:
        steps: gradient steps per sample.
        gamma: relative change of the norm per step, in (0, 1).
        first_norm: norm of the first perturbation.
    """

    steps: int = 100
    gamma: float = 0.05
    first_norm: float = 1.0

    card = Card("ddn", "Decoupled direction and norm", aliases=("ddnl2",), paper="arxiv:1811.09600")
    threats = frozenset({"l2"})
    needs = frozenset({Offer.GRADIENTS})
    is_minimal = True
    ends_at_success = False

    def start(self, model: Model, state: State, threat: Ball) -> State:
        return state.extended(DDNState, norm=torch.full_like(state.sign, self.first_norm))

    def step(self, model: Model, state: DDNState, look: Look, threat: Ball) -> State:
        is_late = torch.full_like(state.finished, 2 * look.step >= self.steps)
        gradient = look.gradient(toward_nearest(state, is_late))
        alpha = cosine(1.0, 0.01, look.step, self.steps)
        direction = steepest(gradient, "l2", threat.unit(state.x))
        delta = state.x - state.origin + alpha * direction
        change = torch.where(lead(state, look.logits) < 0, 1 - self.gamma, 1 + self.gamma)
        norm = state.norm * change
        length = threat.distance(delta).clamp_min(torch.finfo(delta.dtype).tiny)
        x = state.origin + per_sample(norm / length, delta) * delta
        return replace(state, x=x, norm=norm)
