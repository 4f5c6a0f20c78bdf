from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.query import Pool, Query
from roadworthy.queries.margin import Margin
from roadworthy.queries.typiclust import TypiClust


@dataclass(frozen=True)
class TypiClustMargin(Query):
    """Picks typical items first, and doubtful ones once there are labels enough: the usual choice.

    With few labels a model does not know what it does not know, and `typiclust` chooses by how the
    data lie; with more, `margin` asks where the model hesitates.

    Source: that few and many labels call for opposite queries, Hacohen, Dekel and Weinshall 2022,
    arXiv:2202.02794; `typiclust` and `margin` for theirs.

    Args:
        until: labels per class, on average, from which on the model is asked.
    """

    until: float = 10.0

    card = Card(
        "typiclust-margin",
        "Typical first, then doubtful",
        aliases=("default", "typiclust>margin"),
        paper="arxiv:2202.02794",
    )
    needs = frozenset({"embeddings", "scores"})

    def now(self, pool: Pool) -> Query:
        is_early = len(pool.known) < self.until * pool.classes
        return TypiClust() if is_early else Margin()

    def choose(self, pool: Pool, n: int, generator: torch.Generator) -> Tensor:
        return self.now(pool).choose(pool, n, generator)
