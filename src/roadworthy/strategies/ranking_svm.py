from dataclasses import dataclass

from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.progress import Progress
from roadworthy.strategies.rankings import pair_mean, ranking_plan
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class RankingSVM(Strategy):
    """Pairwise hinge: of two rows, the one with the higher target should be ahead by a margin.

    The loss of such a pair is max(0, margin - (s_i - s_j)): that of the ranking SVM, whose linear
    model is a network here.

    Rows are compared within a query, which is what `--group` names; without it every row with every
    other. A step compares all pairs of its rows of one query, and holds whole queries but for the
    first and the last. For a number as target the model's output becomes a score, of which only the
    order means anything; for ordered classes thresholds on the score make the classes.

    Source: Herbrich, Graepel and Obermayer 2000, in: Advances in Large Margin Classifiers, MIT
    Press; Joachims 2002, doi:10.1145/775047.775067.

    Args:
        margin: of the scores of a pair.
    """

    margin: float = 1.0

    card = Card(
        "ranking-svm",
        "Pairwise hinge loss",
        aliases=("pairwise-hinge", "rank-hinge"),
        paper="doi:10.1145/775047.775067",
        safety="retrains",
    )
    purpose = "ranking"
    tasks = frozenset({Task.ORDINAL, Task.REGRESSION})
    kinds = KINDS

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        def loss(scores: Tensor, relevance: Tensor, weights: Tensor, is_same: Tensor) -> Tensor:
            ahead = scores[:, None] - scores
            return pair_mean((self.margin - ahead).relu(), relevance, weights, is_same)

        return ranking_plan(plan, self.card.name, loss)
