from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.directions import steepest
from roadworthy.attacks.losses import log_odds
from roadworthy.attacks.momentum import MomentumState, at_rest, gather
from roadworthy.attacks.views import mean_gradient
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.streams import Streams
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class DIFGSM(EvasionAttack):
    """Diverse-inputs FGSM: each gradient is taken at the image shrunk and shifted at random.

    What still fools a network then does not hang on single pixels, so it more often carries over.

    Threat model: white box or by transfer, L-inf, fixed budget, images; targeted or not.
    Cost: `steps` gradients and twice as many forward passes per sample; a success stops.
    Source: Xie et al. 2018, arXiv:1803.06978, section 3.
    Differs from the paper: the image is shrunk and padded to its own size, not enlarged, as most
    networks take one size; the momentum of its variant M-DI2-FGSM is on by default; the gradient is
    that of the log-odds, which has the cross-entropy's direction but does not vanish; a step is
    twice as long, which finds more on the same network and on others.

    Args:
        steps: gradient steps per sample.
        rel_step: length of a step, as a share of the radius; the paper's is 1 / `steps`.
        mu: what stays of the running sum with each step; 0 for no momentum.
        probability: of changing the image before a gradient.
        smallest: side of the smallest shrunk image, as a share of the image's.
    """

    steps: int = 10
    rel_step: float = 0.2
    mu: float = 1.0
    probability: float = 0.5
    smallest: float = 0.9

    card = Card(
        "di-fgsm", "Diverse-inputs FGSM", aliases=("di2-fgsm", "m-di2-fgsm"),
        paper="arxiv:1803.06978",
    )  # fmt: skip
    threats = frozenset({"linf"})
    needs = frozenset({Offer.GRADIENTS})
    takes_images_only = True

    def start(self, model: Model, state: State, threat: Ball) -> State:
        return at_rest(state)

    def step(self, model: Model, state: MomentumState, look: Look, threat: Ball) -> State:
        grid = self._grid(state.streams, state.x)
        unit = threat.unit(state.x)

        def changed(x: Tensor) -> Tensor:
            return torch.nn.functional.grid_sample(x, grid, align_corners=False)[None]

        gradient = mean_gradient(model, state.x, changed, log_odds(state))
        velocity = gather(state.velocity, gradient, self.mu, unit)
        x = state.x + self.rel_step * threat.eps * steepest(velocity, "linf", unit)
        return replace(state, x=x, velocity=velocity)

    def _grid(self, streams: Streams, x: Tensor) -> Tensor:
        """Draw where each pixel of the changed images comes from: (N, H, W, 2)."""
        chance, size, across, down = streams.uniform((4,), x.dtype).unbind(1)
        side = 1 - (1 - self.smallest) * size
        side = torch.where(chance < self.probability, side, torch.ones_like(side))
        matrix = x.new_zeros(len(x), 2, 3)
        matrix[:, 0, 0] = matrix[:, 1, 1] = 1 / side
        matrix[:, 0, 2] = (1 - side) * (1 - 2 * across) / side
        matrix[:, 1, 2] = (1 - side) * (1 - 2 * down) / side
        return torch.nn.functional.affine_grid(matrix, list(x.shape), align_corners=False)

    def passes_ahead(self, step: int) -> int:
        return 3  # the look, and a gradient of its own
