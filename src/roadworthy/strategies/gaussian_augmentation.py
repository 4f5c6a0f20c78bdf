from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class GaussianAugmentation(Strategy):
    """Gaussian augmentation: a share of the inputs gets normal noise, anew at every step.

    It makes a model steady under noise, and keeps the slopes around the rows lower. Against an
    attack that follows the gradient it helps little: a direction that noise does not find is
    still there.

    Source: Zantedeschi, Nicolae and Rawat 2017, arXiv:1707.06728.
    Differs from the paper: noise is drawn at each step, where the paper adds fixed noisy copies;
    its bounded ReLU is left out; inputs are clipped to what is valid.

    Args:
        std: of the noise; in standard deviations for tables, whose categories get none.
        share: of the rows that get noise.
    """

    std: float = 0.1
    share: float = 0.5

    card = Card(
        "gaussian-augmentation",
        "Gaussian augmentation",
        aliases=("gaussian-augm", "gaussian-noise-training"),
        paper="arxiv:1707.06728",
        fixes=("RW-ROB-002",),
        safety="retrains",
    )

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if self.std <= 0 or not 0 < self.share <= 1:
            raise InputError(
                f"noise takes a positive std and a share up to 1, not {self.std} and {self.share}"
            )
        ball = Ball.of(plan.data, "l2", self.std)
        low, high = plan.data.bounds

        def with_noise(x: Tensor) -> Tensor:
            is_noisy = torch.rand(len(x), device=x.device, dtype=x.dtype) < self.share
            noise = self.std * ball.unit(x) * torch.randn_like(x)
            least, most = torch.minimum(low.to(x), x), torch.maximum(high.to(x), x)
            changed = (x + noise).clamp(least, most)
            return torch.where(per_sample(is_noisy, x), changed, x)

        return plan.add(augment=(with_noise,))
