from dataclasses import dataclass

from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.progress import Progress
from roadworthy.strategies.rankings import ranking_plan
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class ListNet(Strategy):
    """ListNet: the scores of a query say which row comes first as surely as the targets do.

    A row comes first with a probability that is the softmax of the scores; the loss is the
    cross-entropy of that of the targets to it, on average over queries.

    Rows are compared within a query, which is what `--group` names; without it every row with every
    other. A step compares all pairs of its rows of one query, and holds whole queries but for the
    first and the last. For a number as target the model's output becomes a score, of which only the
    order means anything; for ordered classes thresholds on the score make the classes.

    Source: Cao et al. 2007, ICML, doi:10.1145/1273496.1273513, top-one probabilities.
    """

    card = Card(
        "listnet",
        "ListNet",
        paper="doi:10.1145/1273496.1273513",
        safety="retrains",
    )
    purpose = "ranking"
    tasks = frozenset({Task.ORDINAL, Task.REGRESSION})
    kinds = KINDS

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        return ranking_plan(plan, self.card.name, listnet_loss)


def listnet_loss(scores: Tensor, relevance: Tensor, weights: Tensor, is_same: Tensor) -> Tensor:
    """Give the mean over queries of the cross-entropy of which row comes first."""
    found, wanted = first_logs(scores, is_same), first_logs(relevance, is_same).exp()
    queries = (1 / is_same.sum(1)).sum()
    return -(weights * wanted * found).sum() / queries


def first_logs(values: Tensor, is_same: Tensor) -> Tensor:
    """Give the logarithm of the probability (N,) of a row to come first in its query."""
    all_of_query = values.expand(len(values), -1).masked_fill(~is_same, float("-inf"))
    return values - all_of_query.logsumexp(1)
