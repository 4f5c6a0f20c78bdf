from dataclasses import dataclass

from torch import nn

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.strategies.layers import layers_of, rate_of
from roadworthy.training.plan import Rate, TrainPlan
from roadworthy.training.strategy import CLASSES, Strategy


@dataclass(frozen=True)
class DiscriminativeRates(Strategy):
    """Discriminative rates: each layer learns slower than the one above it.

    Low layers hold what most tasks share and need to change least. Goes with a strategy that gives
    weights to start with; random low layers would be kept from learning.

    Source: Howard and Ruder 2018, arXiv:1801.06146, section 3.2.
    Differs from the paper: rates fall along half a cosine, not along a slanted triangle.

    Args:
        factor: that the rate is divided by from a layer to the one below.
    """

    factor: float = 2.6

    card = Card(
        "discriminative-rates",
        "Discriminative learning rates",
        paper="arxiv:1801.06146",
        safety="retrains",
    )
    purpose = "transfer"
    tasks = CLASSES | {Task.REGRESSION}
    kinds = KINDS

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if not self.factor >= 1:
            raise InputError(f"discriminative-rates takes a factor from 1, not {self.factor}")
        return plan.set(self.card.name, rates=self.rates)

    def rates(self, network: nn.Sequential) -> tuple[Rate, ...]:
        """Slow each layer down by how far it is below the last."""
        from_top = enumerate(reversed(layers_of(network)))
        return tuple(rate_of(layer, self.factor**-depth) for depth, layer in from_top)
