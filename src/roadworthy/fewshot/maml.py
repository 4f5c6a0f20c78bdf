from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional

from roadworthy.core.card import Card
from roadworthy.core.dataset import Split
from roadworthy.fewshot.embedding import count_features, embedding
from roadworthy.fewshot.episodic import EpisodicLearner
from roadworthy.fewshot.inner_loop import Weights, apply_head, descend, shared_head
from roadworthy.fewshot.learner import Adapter, seen_in, ways_of

HEAD = "head."


@dataclass(frozen=True)
class MAML(EpisodicLearner):
    """Model-agnostic meta-learning: weights from which a few steps of descent suffice.

    For each task the whole network takes `steps` steps on the support; the start of those steps is
    trained so that the queries come out right after them, with derivatives through the steps.

    Differs from the paper: all classes start with one shared row of the last layer (Ye, Chao 2022,
    arXiv:2106.16245), so the answer does not depend on how a task numbers its classes, and the
    number of ways is free; the first step then moves that layer alone, so `steps` must be 2 or
    more. Channels are normalized within an image, not over a batch: batch statistics of the
    queries would let them help each other. The learning rate falls along a cosine.

    Source: Finn, Abbeel, Levine 2017, arXiv:1703.03400, algorithm 2; first order: section 5.2.

    Args:
        steps: of descent on the support.
        step_size: their rate.
        is_first_order: leave out derivatives of derivatives; about half the cost.
        width: channels of the embedding.
        ways: classes of a training task.
        shots: labelled items of each class.
        queries: items of each class that the loss asks about.
        episodes: training tasks.
        batch: tasks of one step of training.
        rate: learning rate at the start; it falls to 0 along a cosine.
        turns: also learn each class turned by 90, 180 and 270 degrees, as classes of their own.
    """

    steps: int = 5
    step_size: float = 0.1
    is_first_order: bool = False
    width: int = 32
    ways: int = 5
    episodes: int = 2000
    batch: int = 4

    card = Card("maml", "Model-agnostic meta-learning", paper="arxiv:1703.03400", cost="minutes")

    def start(self, base: Split) -> Adapter:
        network = embedding(base, self.width, normalizes="group")
        return WholeDescent(network, base, self.steps, self.step_size, self.is_first_order)


class Descent(Adapter):
    """A network and the shared start of its last layer's rows, which descend on the support.

    Args:
        network: gives features.
        base: images that it learns from.
        steps: of descent.
        step_size: their rate.
        is_first_order: leave out derivatives of derivatives.
    """

    def __init__(
        self,
        network: nn.Module,
        base: Split,
        steps: int,
        step_size: float,
        is_first_order: bool,
    ) -> None:
        super().__init__(seen_in(base))
        self.network = nn.Sequential(network, nn.Flatten())
        inputs = count_features(self.network, base)
        self.row = nn.Parameter(torch.randn(inputs) / inputs**0.5)
        self.steps = steps
        self.step_size = step_size
        self.is_first_order = is_first_order


class WholeDescent(Descent):
    """Answers after the whole network has descended on the support."""

    def respond(self, support_x: Tensor, support_y: Tensor, query_x: Tensor) -> Tensor:
        ways = ways_of(support_y)

        def answer_one(x: Tensor, y: Tensor, query: Tensor) -> Tensor:
            return self._logits(self.adapted(x, y, ways), query).log_softmax(1)

        return vmap(answer_one)(support_x, support_y, query_x)

    def adapted(self, x: Tensor, y: Tensor, ways: int) -> Weights:
        """Give the weights after the descent on one support (S, …), the last layer's as `head.`."""
        head = shared_head(self.row, ways)
        weights = dict(self.network.named_parameters())
        weights |= {HEAD + name: weight for name, weight in head.items()}

        def loss(weights: Weights) -> Tensor:
            return functional.cross_entropy(self._logits(weights, x), y)

        return descend(loss, weights, self.step_size, self.steps, self.is_first_order)

    def _logits(self, weights: Weights, x: Tensor) -> Tensor:
        body = {name: w for name, w in weights.items() if not name.startswith(HEAD)}
        head = {name.removeprefix(HEAD): w for name, w in weights.items() if name.startswith(HEAD)}
        return apply_head(head, functional_call(self.network, body, (x,)))
