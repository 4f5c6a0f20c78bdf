from dataclasses import dataclass

from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.dataset import Split
from roadworthy.fewshot.embedding import embed_flat, embedding
from roadworthy.fewshot.episodic import EpisodicLearner
from roadworthy.fewshot.learner import Adapter, class_means, seen_in


@dataclass(frozen=True)
class ProtoNet(EpisodicLearner):
    """Prototypical network: the class whose mean feature is nearest.

    A class is the mean of its support's features, its prototype; a query's logits are the negative
    squared Euclidean distances to them. Training learns features in which that works. It is the
    first to try: cheap, few settings, hard to beat by much.

    Differs from the paper: the learning rate falls along a cosine instead of by halves; `ways` is
    20 in training, where the paper takes 60 on Omniglot.

    Source: Snell, Swersky, Zemel 2017, arXiv:1703.05175, algorithm 1.

    Args:
        width: channels of the embedding.
        ways: classes of a training task; more than it will be tested on help.
        shots: labelled items of each class; as many as it will be tested on.
        queries: items of each class that the loss asks about.
        episodes: training tasks.
        batch: tasks of one step.
        rate: learning rate at the start; it falls to 0 along a cosine.
        turns: also learn each class turned by 90, 180 and 270 degrees, as classes of their own.
    """

    card = Card("proto-net", "Prototypical network", ("ProtoNet",), "arxiv:1703.05175")

    def start(self, base: Split) -> Adapter:
        return Prototypes(embedding(base, self.width), seen_in(base))


class Prototypes(Adapter):
    """Answers by the distances to the classes' mean features.

    Args:
        network: gives features.
        seen: numbers of the base classes.
    """

    def __init__(self, network: nn.Module, seen: frozenset[int]) -> None:
        super().__init__(seen)
        self.network = network

    def respond(self, support_x: Tensor, support_y: Tensor, query_x: Tensor) -> Tensor:
        support, query = embed_flat(self.network, support_x, query_x)
        return (-squared_distances(query, class_means(support, support_y))).log_softmax(2)


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Give squared Euclidean distances of (B, Q, D) to (B, K, D): (B, Q, K)."""
    # the differences themselves: the root of cdist has no slope at 0, and products lose digits
    return (a[:, :, None] - b[:, None]).square().sum(3)
