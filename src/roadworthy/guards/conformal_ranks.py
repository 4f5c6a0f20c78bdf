from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from roadworthy.core.card import Card
from roadworthy.core.dataset import Task
from roadworthy.guards.conformal import Conformal


@dataclass(frozen=True)
class ConformalRanks(Conformal):
    """Conformal prediction of ranks: an interval of neighbouring ranks that holds the right one.

    No answer changes; `guarded.wrapped.sets(x)` gives the intervals, as a mark for each rank. An
    interval starts as the most probable rank and grows by the likelier of its two neighbours, while
    less than a certain probability is in it; how much that is, is chosen so that a share of
    1 - alpha of rows that were left out of the training have their rank in their interval. Sets of
    `conformal` may hold "mild" and "critical" without what lies between; these never do.

    Source: Lu, Angelopoulos and Pomerantz 2022, arXiv:2207.02238; leaving out parts in turn, Vovk
    2012, arXiv:1208.0806.
    Differs from the papers: as `conformal`; no interval is empty.

    Args:
        alpha: share of rows whose interval may miss the right rank.
        folds: into how many parts the rows are cut; each costs a training.
    """

    card = Card(
        "conformal-ranks",
        "Conformal intervals of ranks",
        aliases=("ordinal-prediction-sets", "rank-intervals"),
        paper="arxiv:2207.02238",
        cost="minutes",
        safety="safe",
    )
    tasks = frozenset({Task.ORDINAL})

    def suit(self, logits: Tensor) -> Tensor:
        """Say of each rank how much probability the interval lacks when it joins: (N, K)."""
        probability = logits.softmax(1).double()
        around = pad(probability, (1, 1), value=-1.0)  # what lies past the ends never joins
        joins = low = high = probability.argmax(1, keepdim=True) + 1
        suits, lacks = torch.ones_like(around), torch.ones_like(low, dtype=torch.float64)
        for _ in range(probability.shape[1] - 1):
            lacks = (lacks - around.gather(1, joins)).clamp_min(0)
            is_below = around.gather(1, low - 1) >= around.gather(1, high + 1)
            joins = torch.where(is_below, low - 1, high + 1)
            low, high = torch.minimum(low, joins), torch.maximum(high, joins)
            suits = suits.scatter(1, joins, lacks)
        return suits[:, 1:-1]
