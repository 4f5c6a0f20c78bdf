from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.attacks.losses import log_odds
from roadworthy.attacks.momentum import NesterovState, at_rest_ahead, gather, step_ahead
from roadworthy.attacks.views import mean_gradient
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class SINIFGSM(EvasionAttack):
    """Scale-invariant Nesterov FGSM: gradients averaged over ever darker copies of the image.

    A network answers alike when an image is darkened, so its copies stand in for other networks.

    Threat model: white box or by transfer, L-inf, fixed budget; targeted or not.
    Cost: `steps` times `scales` gradients per sample; a sample that succeeds stops.
    Source: Lin et al. 2019, arXiv:1908.06281, the attack SI-NI-FGSM.
    Differs from the paper: the gradient is that of the log-odds, which has the cross-entropy's
    direction but does not vanish; a step is twice as long, which finds more on the same network and
    on others; where it looks ahead is held to the ball and the box.

    Args:
        steps: gradient steps per sample.
        rel_step: length of a step, as a share of the radius; the paper's is 1 / `steps`.
        mu: what stays of the running sum with each step.
        scales: copies of the image, each half as bright as the one before.
    """

    steps: int = 10
    rel_step: float = 0.2
    mu: float = 1.0
    scales: int = 5

    card = Card(
        "si-ni-fgsm", "Scale-invariant Nesterov FGSM", aliases=("si-fgsm",),
        paper="arxiv:1908.06281",
    )  # fmt: skip
    threats = frozenset({"linf"})
    needs = frozenset({Offer.GRADIENTS})

    def start(self, model: Model, state: State, threat: Ball) -> State:
        return at_rest_ahead(state)

    def step(self, model: Model, state: NesterovState, look: Look, threat: Ball) -> State:
        unit, is_last = threat.unit(state.x), look.step == self.steps - 1
        loss = log_odds(state)
        gradient = look.gradient(loss)
        if self.scales > 1:  # the look was at the first copy
            darker = mean_gradient(model, state.x, self._darker, loss)
            gradient = gradient + (self.scales - 1) * darker
        velocity = gather(state.velocity, gradient, self.mu, unit)
        return step_ahead(state, velocity, self.rel_step * threat.eps, self.mu, unit, is_last)

    def _darker(self, x: Tensor) -> Tensor:
        return torch.stack([x / 2**halvings for halvings in range(1, self.scales)])

    def passes_ahead(self, step: int) -> int:
        return 2 * self.scales
