from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.query import Pool, Query, highest


@dataclass(frozen=True)
class LeastConfidence(Query):
    """Picks the items whose most likely class has the lowest probability.

    Of two classes it picks what `margin` and `entropy` pick.

    Source: Lewis and Gale 1994, arXiv:cmp-lg/9407020.
    """

    card = Card(
        "least-confidence",
        "Least confidence",
        aliases=("uncertainty", "least-confident"),
        paper="arxiv:cmp-lg/9407020",
    )
    needs = frozenset({"scores"})

    def choose(self, pool: Pool, n: int, generator: torch.Generator) -> Tensor:
        return highest(-pool.probabilities.amax(1), n)
