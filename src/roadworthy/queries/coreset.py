from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.query import Pool, Query
from roadworthy.queries.distances import from_one, nearest


@dataclass(frozen=True)
class CoreSet(Query):
    """Picks, one after the other, the item that is farthest from everything labelled or picked.

    So no item stays far from all labels: the largest distance is at most twice the least that is
    possible. Outliers are far from everything and come first, which wastes labels where the pool
    has many.

    Source: Sener and Savarese 2018, arXiv:1708.00489, algorithm 1 (k-center greedy). Differs from
    the paper: no integer program improves on the greedy choice.
    """

    card = Card(
        "coreset",
        "Farthest from what is labelled",
        aliases=("core-set", "k-center-greedy"),
        paper="arxiv:1708.00489",
    )
    needs = frozenset({"embeddings"})
    is_about_coverage = True

    def choose(self, pool: Pool, n: int, generator: torch.Generator) -> Tensor:
        distance = nearest(pool.embeddings, pool.known)
        chosen: list[int] = []
        for _ in range(n):  # how far an item is depends on those picked before
            farthest = int(distance.argmax())
            chosen.append(farthest)
            step = from_one(pool.embeddings, pool.embeddings[farthest])
            distance = torch.minimum(distance, step)
            distance[farthest] = -1  # also where all the others are as near
        return torch.tensor(chosen, device=distance.device)
