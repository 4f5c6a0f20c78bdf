from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from roadworthy.core.card import Card
from roadworthy.core.dataset import Split
from roadworthy.fewshot.base_trained import BaseTrained
from roadworthy.fewshot.embedding import embed_flat
from roadworthy.fewshot.learner import Adapter, class_means, seen_in

MOMENTUM = 0.9


@dataclass(frozen=True)
class BaselinePlusPlus(BaseTrained):
    """Baseline++: an ordinary classifier by angles, whose last layer is refitted.

    The base classes are learned with logits that are scaled cosines between features and one
    weight vector of each class. For a task the features stay and new weight vectors are fitted to
    the support. It has no episodes, and shows what they are worth.

    Differs from the paper: weight vectors have length 1 instead of a learned one; the refit begins
    at the classes' mean features, not at random, and takes all of the support at each step, so
    that its answer depends neither on chance nor on the order of the support.

    Source: Chen et al. 2019, arXiv:1904.04232, section 3.2.

    Args:
        scale: what cosines are multiplied by.
        refit_steps: of descent on the support, with momentum.
        refit_rate: their rate.
        width: channels of the embedding.
        steps: of training on the base classes.
        batch: images of one step.
        rate: learning rate at the start; it falls to 0 along a cosine.
        turns: also learn each class turned by 90, 180 and 270 degrees, as classes of their own.
    """

    scale: float = 10.0
    refit_steps: int = 100
    refit_rate: float = 0.01

    card = Card("baseline-plus-plus", "Baseline++", ("Baseline++",), "arxiv:1904.04232")

    def head(self, inputs: int, classes: int) -> nn.Module:
        return CosineHead(inputs, classes, self.scale)

    def adapter(self, network: nn.Module, base: Split) -> Adapter:
        return CosineRefit(network, self.scale, self.refit_steps, self.refit_rate, seen_in(base))


class CosineHead(nn.Module):
    """Gives scaled cosines between features and a weight vector of each class.

    Args:
        inputs: numbers per row.
        classes: how many.
        scale: what cosines are multiplied by.
    """

    def __init__(self, inputs: int, classes: int, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, inputs))
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return scaled_cosines(x, self.weight, self.scale)


class CosineRefit(Adapter):
    """Answers by a last layer that is fitted to the support.

    Args:
        network: gives features.
        scale: what cosines are multiplied by.
        steps: of descent, with momentum.
        rate: their rate.
        seen: numbers of the base classes.
    """

    def __init__(
        self, network: nn.Module, scale: float, steps: int, rate: float, seen: frozenset[int]
    ) -> None:
        super().__init__(seen)
        self.network = network
        self.scale = scale
        self.steps = steps
        self.rate = rate

    def respond(self, support_x: Tensor, support_y: Tensor, query_x: Tensor) -> Tensor:
        support, query = embed_flat(self.network, support_x, query_x)
        weight = self.refit(support, support_y)
        return scaled_cosines(query, weight, self.scale).log_softmax(2)

    def refit(self, support: Tensor, support_y: Tensor) -> Tensor:
        """Fit weight vectors (B, ways, D) to features (B, S, D)."""
        support = functional.normalize(support.detach(), dim=2)
        weight = functional.normalize(class_means(support, support_y), dim=2)
        speed = torch.zeros_like(weight)
        shots = support_y.shape[1]

        def loss(weight: Tensor) -> Tensor:
            logits = scaled_cosines(support, weight, self.scale)
            # tasks share no weights: the sum over them has each task's own slope
            return (
                functional.cross_entropy(logits.flatten(0, 1), support_y.flatten(), reduction="sum")
                / shots
            )

        for _ in range(self.steps):
            speed = MOMENTUM * speed + torch.func.grad(loss)(weight)
            weight = functional.normalize(weight - self.rate * speed, dim=2)
        return weight


def scaled_cosines(x: Tensor, weight: Tensor, scale: float) -> Tensor:
    """Give cosines of (…, N, D) with (…, K, D), times a scale: (…, N, K)."""
    return scale * functional.normalize(x, dim=-1) @ functional.normalize(weight, dim=-1).mT
