from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from roadworthy.core.card import Card
from roadworthy.core.dataset import Split
from roadworthy.fewshot.embedding import embed_flat, embedding
from roadworthy.fewshot.episodic import EpisodicLearner
from roadworthy.fewshot.learner import Adapter, seen_in, ways_of


@dataclass(frozen=True)
class MatchingNetworks(EpisodicLearner):
    """Matching network: each labelled item votes by how similar it is.

    A query's probability of a class is the share of attention that the class's support gets, where
    attention is the softmax of cosine similarities. With one shot it is nearest neighbor by angle.

    Differs from the paper: the full-context embedding, in which recurrent networks read the whole
    support, is left out (it makes answers depend on the order of the support); and cosines are
    multiplied by a `scale`, since between -1 and 1 no softmax gets sharp.

    Source: Vinyals et al. 2016, arXiv:1606.04080, equations 1 and 2 and section 2.1.1; the scale
    is that of Chen et al. 2019, arXiv:1904.04232, whose code takes 100.

    Args:
        scale: what cosines are multiplied by; 1 is the paper.
        width: channels of the embedding.
        ways: classes of a training task.
        shots: labelled items of each class.
        queries: items of each class that the loss asks about.
        episodes: training tasks.
        batch: tasks of one step.
        rate: learning rate at the start; it falls to 0 along a cosine.
        turns: also learn each class turned by 90, 180 and 270 degrees, as classes of their own.
    """

    scale: float = 10.0

    card = Card("matching-networks", "Matching network", ("MatchingNet",), "arxiv:1606.04080")

    def start(self, base: Split) -> Adapter:
        return Attention(embedding(base, self.width), self.scale, seen_in(base))


class Attention(Adapter):
    """Answers by the classes' shares of the attention.

    Args:
        network: gives features.
        scale: what cosines are multiplied by.
        seen: numbers of the base classes.
    """

    def __init__(self, network: nn.Module, scale: float, seen: frozenset[int]) -> None:
        super().__init__(seen)
        self.network = network
        self.scale = scale

    def respond(self, support_x: Tensor, support_y: Tensor, query_x: Tensor) -> Tensor:
        support, query = embed_flat(self.network, support_x, query_x)
        cosines = functional.normalize(query, dim=2) @ functional.normalize(support, dim=2).mT
        attention = (self.scale * cosines).log_softmax(2)  # (B, Q, S)
        is_of_class = functional.one_hot(support_y, ways_of(support_y)).bool()[:, None]
        votes = attention[..., None].masked_fill(~is_of_class, -torch.inf)
        return votes.logsumexp(2)
