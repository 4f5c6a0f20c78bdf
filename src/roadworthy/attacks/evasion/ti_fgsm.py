from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.directions import steepest
from roadworthy.attacks.losses import log_odds
from roadworthy.attacks.momentum import MomentumState, at_rest, gather
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class TIFGSM(EvasionAttack):
    """Translation-invariant FGSM: gradients blurred, as if the image had been shifted about.

    Networks look at slightly different places; a change that bears shifting fools more of them.

    Threat model: white box or by transfer, L-inf, fixed budget, images; targeted or not.
    Cost: `steps` gradients per sample; a sample that succeeds stops.
    Source: Dong et al. 2019, arXiv:1904.02884, section 3.
    Differs from the paper: the kernel's side is a share of the image's, 15 pixels at the paper's
    299; the momentum of its variant TI-MI-FGSM is on by default; the gradient is that of the
    log-odds, which has the cross-entropy's direction but does not vanish; a step is twice as long,
    which finds more on the same network and on others.

    Args:
        steps: gradient steps per sample.
        rel_step: length of a step, as a share of the radius; the paper's is 1 / `steps`.
        mu: what stays of the running sum with each step; 0 for no momentum.
        reach: side of the Gaussian kernel, as a share of the image's; at least 3 pixels.
    """

    steps: int = 10
    rel_step: float = 0.2
    mu: float = 1.0
    reach: float = 0.05

    card = Card(
        "ti-fgsm", "Translation-invariant FGSM", aliases=("ti-mi-fgsm", "ti-bim"),
        paper="arxiv:1904.02884",
    )  # fmt: skip
    threats = frozenset({"linf"})
    needs = frozenset({Offer.GRADIENTS})
    takes_images_only = True

    def start(self, model: Model, state: State, threat: Ball) -> State:
        return at_rest(state)

    def step(self, model: Model, state: MomentumState, look: Look, threat: Ball) -> State:
        unit = threat.unit(state.x)
        gradient = self._blurred(look.gradient(log_odds(state)))
        velocity = gather(state.velocity, gradient, self.mu, unit)
        x = state.x + self.rel_step * threat.eps * steepest(velocity, "linf", unit)
        return replace(state, x=x, velocity=velocity)

    def _blurred(self, gradient: Tensor) -> Tensor:
        half = max(1, round(self.reach * min(gradient.shape[2:]) / 2))
        away = torch.arange(-half, half + 1, dtype=gradient.dtype, device=gradient.device)
        line = (-(away**2) / (2 * (half / 2.5) ** 2)).exp()  # 3 pixels at the paper's 15
        kernel = torch.outer(line, line) / line.sum() ** 2
        planes = gradient.flatten(0, 1)[:, None]
        return torch.nn.functional.conv2d(planes, kernel[None, None], padding=half).reshape(
            gradient.shape
        )
