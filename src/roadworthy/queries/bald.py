from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.query import Pool, Query, highest
from roadworthy.queries.uncertainty import information


@dataclass(frozen=True)
class BALD(Query):
    """Picks the items about which the members of a committee, each sure, disagree.

    The score is the mutual information of an item's label and the model's parameters: what no
    label would settle, such as an item between two classes, does not count. Each item is scored
    alone, so that a batch may ask the same question several times: see `batch-bald`.

    Source: Houlsby et al. 2011, arXiv:1112.5745; with passes of dropout as the members, Gal, Islam
    and Ghahramani 2017, arXiv:1703.02910.
    """

    card = Card(
        "bald",
        "Bayesian active learning by disagreement",
        aliases=("mutual-information",),
        paper="arxiv:1112.5745",
    )
    needs = frozenset({"members"})

    def choose(self, pool: Pool, n: int, generator: torch.Generator) -> Tensor:
        return highest(information(pool.member_probabilities), n)
