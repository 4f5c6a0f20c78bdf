from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.query import Pool, Query


@dataclass(frozen=True)
class Random(Query):
    """Picks items by chance, each as likely as any other.

    What every other query has to beat. Labels of random items alone are a fair sample, so that
    rates and intervals can be estimated from them: use it for the items that will judge the model.

    Source: the baseline of Settles 2009, *Active learning literature survey*.
    """

    card = Card("random", "Random items", aliases=("chance", "passive"))

    def choose(self, pool: Pool, n: int, generator: torch.Generator) -> Tensor:
        return torch.randperm(len(pool), generator=generator)[:n].to(pool.embeddings.device)
