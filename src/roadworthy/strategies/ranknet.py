from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import softplus

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.progress import Progress
from roadworthy.strategies.rankings import pair_mean, ranking_plan
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class RankNet(Strategy):
    """RankNet: of two rows, the one with the higher target should score higher.

    The loss of such a pair is log(1 + exp(-(s_i - s_j))), the cross-entropy of a model in which the
    difference of the scores is the log-odds of the order.

    Rows are compared within a query, which is what `--group` names; without it every row with every
    other. A step compares all pairs of its rows of one query, and holds whole queries but for the
    first and the last. For a number as target the model's output becomes a score, of which only the
    order means anything; for ordered classes thresholds on the score make the classes.

    Source: Burges et al. 2005, ICML, doi:10.1145/1102351.1102363; without pairs of equal targets as
    in Burges 2010, MSR-TR-2010-82.
    """

    card = Card(
        "ranknet",
        "RankNet",
        paper="doi:10.1145/1102351.1102363",
        safety="retrains",
    )
    purpose = "ranking"
    tasks = frozenset({Task.ORDINAL, Task.REGRESSION})
    kinds = KINDS

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        return ranking_plan(plan, self.card.name, ranknet_loss)


def ranknet_loss(scores: Tensor, relevance: Tensor, weights: Tensor, is_same: Tensor) -> Tensor:
    """Give the mean cross-entropy of the order of pairs."""
    ahead = scores[:, None] - scores
    return pair_mean(softplus(-ahead), relevance, weights, is_same)
