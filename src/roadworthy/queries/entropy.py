from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.query import Pool, Query, highest
from roadworthy.queries.uncertainty import entropy


@dataclass(frozen=True)
class Entropy(Query):
    """Picks the items whose predicted class has the highest entropy.

    With many classes it prefers items that are a little like all of them to those that lie between
    two; with few labels it often does worse than chance.

    Source: Settles 2009, *Active learning literature survey*, section 3.1.
    """

    card = Card("entropy", "Highest entropy", aliases=("max-entropy",))
    needs = frozenset({"scores"})

    def choose(self, pool: Pool, n: int, generator: torch.Generator) -> Tensor:
        return highest(entropy(pool.probabilities), n)
