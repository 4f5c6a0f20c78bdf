from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.query import Pool, Query, highest


@dataclass(frozen=True)
class Margin(Query):
    """Picks the items whose two most likely classes are closest in probability.

    It costs nothing and is hard to beat once the model knows every class; before that, its choice
    is that of a model that knows little.

    Source: Scheffer, Decomain and Wrobel 2001, doi:10.1007/3-540-44816-0_31.
    """

    card = Card(
        "margin",
        "Smallest margin",
        aliases=("smallest-margin", "best-versus-second-best"),
        paper="doi:10.1007/3-540-44816-0_31",
    )
    needs = frozenset({"scores"})

    def choose(self, pool: Pool, n: int, generator: torch.Generator) -> Tensor:
        best = pool.probabilities.topk(min(2, pool.classes)).values
        return highest(best[:, -1] - best[:, 0], n)
