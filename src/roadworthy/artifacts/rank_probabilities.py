from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.artifacts.predictions import BATCH
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.errors import NotAssessed
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress
from roadworthy.networks.heads.rank_head import RankHead
from roadworthy.training.trained import Trained


@dataclass(frozen=True, eq=False)
class RankProbabilitiesValue:
    """What the model says of each rank.

    Args:
        is_above: (N, K - 1) probability of being above it, as the network gives it.
    """

    is_above: Tensor


@dataclass(frozen=True)
class RankProbabilities(Artifact[RankProbabilitiesValue]):
    """How surely each test row is above each rank, before classes are made of it."""

    card = Card("rank-probabilities", "Probabilities of ranks")
    value = RankProbabilitiesValue

    def cost(self, subject: Subject) -> float:
        return len(subject.dataset.test)

    @torch.no_grad()
    def compute(self, subject: Subject, get: Get, progress: Progress) -> RankProbabilitiesValue:
        body, head = split_network(subject.model)
        rows = subject.dataset.test.x.split(BATCH)
        found = [head.is_above(body(x.to(subject.device))).cpu() for x in rows]
        return RankProbabilitiesValue(torch.cat(found))


def split_network(model: Model) -> tuple[torch.nn.Module, RankHead]:
    """Give a network without its head, and the head.

    Raises:
        NotAssessed: the model has no head that speaks of ranks.
    """
    if isinstance(model, Trained) and isinstance(model.inner.module, torch.nn.Sequential):
        network = model.inner.module
        if isinstance(network[-1], RankHead):
            return network[:-1], network[-1]
    raise NotAssessed(
        "the model says nothing of ranks: it is no network with an ordinal head such as corn"
    )
