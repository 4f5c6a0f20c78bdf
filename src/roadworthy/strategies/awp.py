from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.training.plan import TrainPlan, backward
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class AWP(Strategy):
    """Adversarial weight perturbation: learn at the worst weights near those at hand.

    Flattens the loss as a function of the weights, which narrows the gap between training and
    test. It is no defense by itself: add it to `adversarial-training`, `trades` or `mart`, where
    that gap is in robustness.

    Source: Wu, Xia and Wang 2020, arXiv:2004.05884.
    Differs from the paper: attacked inputs are found anew at the perturbed weights, where the paper
    keeps those of the weights at hand.

    Args:
        gamma: length of each layer's perturbation, relative to the layer's weights; in the paper
            0.01 with adversarial training and 0.005 with TRADES. Biases and norms stay.
    """

    gamma: float = 0.01

    card = Card(
        "awp",
        "Adversarial weight perturbation",
        aliases=("adversarial-weight-perturbation",),
        paper="arxiv:2004.05884",
        cost="minutes",
        safety="retrains",
    )

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if self.gamma <= 0:
            raise InputError(f"awp takes a positive gamma, not {self.gamma}")
        return plan.set(self.card.name, descend=self.descend)

    def descend(self, network: nn.Module, loss: Callable[[], Tensor]) -> Tensor:
        """Put the gradients at the perturbed weights where the weights are."""
        weights = [weight for weight in network.parameters() if weight.ndim > 1]
        # a layer that the loss does not reach, such as the part of another strategy, stays
        slopes = torch.autograd.grad(loss(), weights, allow_unused=True)
        before = [weight.detach().clone() for weight in weights]
        with torch.no_grad():
            for weight, slope in zip(weights, slopes, strict=True):
                if slope is not None:
                    length = self.gamma * weight.norm() / slope.norm().clamp_min(1e-20)
                    weight.add_(length * slope)
        value = backward(network, loss)
        with torch.no_grad():
            for weight, old in zip(weights, before, strict=True):
                weight.copy_(old)
        return value
