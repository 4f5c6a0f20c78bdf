from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.progress import Progress
from roadworthy.strategies.rankings import ranking_plan
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class LambdaRank(Strategy):
    """LambdaRank: RankNet in which a pair counts by what its exchange would do to NDCG.

    The loss of a pair is log(1 + exp(-(s_i - s_j))) times how far the normalized discounted
    cumulative gain of the query would move if the two changed places, so that the top of the list
    is what is learned. The weights are taken as they are, without a gradient of their own.

    Rows are compared within a query, which is what `--group` names; without it every row with every
    other. A step compares all pairs of its rows of one query, and holds whole queries but for the
    first and the last. For a number as target the model's output becomes a score, of which only the
    order means anything; for ordered classes thresholds on the score make the classes.

    Source: Burges 2010, From RankNet to LambdaRank to LambdaMART, MSR-TR-2010-82, section 4; as the
    bound of a loss Wang et al. 2018, doi:10.1145/3269206.3271784.

    Args:
        gain: of a row by its relevance r: `exponential` for 2^r - 1, or `linear` for r.
    """

    gain: Literal["linear", "exponential"] = "exponential"

    card = Card(
        "lambdarank",
        "LambdaRank",
        aliases=("lambda-rank",),
        paper="doi:10.1145/3269206.3271784",
        safety="retrains",
    )
    purpose = "ranking"
    tasks = frozenset({Task.ORDINAL, Task.REGRESSION})
    kinds = KINDS

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        def loss(scores: Tensor, relevance: Tensor, weights: Tensor, is_same: Tensor) -> Tensor:
            gains = relevance if self.gain == "linear" else relevance.exp2() - 1
            moved = ndcg_moves(scores.detach(), gains, is_same)
            moved = moved * weights[:, None] * weights * (relevance[:, None] > relevance)
            queries = (1 / is_same.sum(1)).sum()
            return (moved * softplus(scores - scores[:, None])).sum() / queries

        return ranking_plan(plan, self.card.name, loss)


def ndcg_moves(scores: Tensor, gains: Tensor, is_same: Tensor) -> Tensor:
    """Give how far NDCG moves (N, N) when two rows of a query change places."""
    discount, ideal = discounts(scores, is_same), discounts(gains, is_same)
    best = (is_same * (gains * ideal)).sum(1)  # of each row's query
    moves = (gains[:, None] - gains) * (discount[:, None] - discount)
    return is_same * moves.abs() / best.clamp_min(1e-12)


def discounts(values: Tensor, is_same: Tensor) -> Tensor:
    """Give 1 / log2(1 + place) (N,) of rows ordered by value within their query."""
    number = torch.arange(len(values), device=values.device)
    is_tied_before = (values == values[:, None]) & (number < number[:, None])
    is_before = (values > values[:, None]) | is_tied_before
    return 1 / (2.0 + (is_before & is_same).sum(1)).log2()
