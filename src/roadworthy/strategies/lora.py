import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.strategies.layers import layers_of, only_top
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import CLASSES, Strategy


@dataclass(frozen=True)
class LoRA(Strategy):
    """Low-rank adaptation: what each layer's weights change by is a product of two thin matrices.

    The weights W that the training starts with stay; what is added to them is (alpha / rank) B A,
    of a rank that is small. Biases and what normalizes stay too; the last layer learns as usual.
    The sum is in the network after every step, so in the end there is nothing to merge. Goes with
    a strategy that gives weights to start with.

    Source: Hu et al. 2021, arXiv:2106.09685, section 4.1.
    Differs from the paper: all linear and convolutional layers are adapted, the paper's are the
    projections of attention, and embeddings of words rest in both; a convolution's weights count
    as one matrix with a row per channel that comes out; alpha is smaller than the rank, for Adam's
    steps are as long however small the gradients, and the recipes' rates are ten times the paper's.
    Nothing is saved in time or memory: the networks here are small.

    Args:
        rank: of what is added.
        alpha: what is added is multiplied by alpha / rank.
        speed: what the rate of the last layer is multiplied by.
    """

    rank: int = 4
    alpha: float = 0.4
    speed: float = 5.0

    card = Card("lora", "Low-rank adaptation", paper="arxiv:2106.09685", safety="retrains")
    purpose = "transfer"
    tasks = CLASSES | {Task.REGRESSION}
    kinds = KINDS

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if self.rank < 1 or not min(self.alpha, self.speed) > 0:
            raise InputError(
                "lora takes a rank of at least 1, a positive alpha and a positive speed, not "
                f"{self.rank}, {self.alpha} and {self.speed}"
            )

        def make(network: nn.Sequential) -> nn.Module:
            return Adapters(adapted(network), self.rank, self.alpha / self.rank)

        def merge(network: nn.Module, batch: Batch) -> None:
            batch.beside["lora"].merge_into(adapted(network))

        plan = plan.add(beside={"lora": make}, after=(merge,))
        # what is adapted gets no gradients of its own
        return plan.set(self.card.name, rates=lambda network: only_top(network, self.speed))


def adapted(network: nn.Sequential) -> list[nn.Parameter]:
    """Give the weights of linear and convolutional layers below the last."""
    tables = {id(m.weight) for m in network.modules() if isinstance(m, nn.Embedding)}
    lower = [weight for layer in layers_of(network)[:-1] for weight in layer]
    return [weight for weight in lower if weight.ndim > 1 and id(weight) not in tables]


class Adapters(nn.Module):
    """Thin matrices for each of several weights, and what these weights were without them.

    A weight holds the sum, so that any loss is that of the adapted network; what gradient it gets
    it hands over to its two matrices, by the chain rule.

    Args:
        weights: (O, …) each; flattened to (O, I).
        rank: of what is added.
        scale: of what is added.
    """

    def __init__(self, weights: list[nn.Parameter], rank: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.down, self.up = nn.ParameterList(), nn.ParameterList()
        for number, weight in enumerate(weights):
            inputs = weight[0].numel()
            self.down.append(torch.randn(rank, inputs) / math.sqrt(inputs))
            self.up.append(torch.zeros(len(weight), rank))
            self.register_buffer(f"base_{number}", weight.detach().clone())
            weight.register_post_accumulate_grad_hook(
                lambda weight, number=number: self._take(weight, number)
            )

    def added(self, number: int) -> Tensor:
        """Give what is added to a weight, flattened: (O, I)."""
        return self.scale * self.up[number] @ self.down[number]

    @torch.no_grad()
    def merge_into(self, weights: list[nn.Parameter]) -> None:
        """Put the sums where the weights are."""
        for number, weight in enumerate(weights):
            weight.copy_(self.get_buffer(f"base_{number}") + self.added(number).reshape_as(weight))

    def _take(self, weight: nn.Parameter, number: int) -> None:
        down, up = self.down[number], self.up[number]
        gradient, weight.grad = self.scale * weight.grad.flatten(1), None
        with torch.autocast(gradient.device.type, enabled=False):  # gradients have the full length
            shares = (down, up.detach().T @ gradient), (up, gradient @ down.detach().T)
        for thin, share in shares:
            thin.grad = share if thin.grad is None else thin.grad + share
