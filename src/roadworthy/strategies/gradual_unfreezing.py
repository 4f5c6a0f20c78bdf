from dataclasses import dataclass

from torch import nn

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.strategies.layers import layers_of, rate_of
from roadworthy.training.plan import Rate, TrainPlan
from roadworthy.training.strategy import CLASSES, Strategy

LATEST = 0.5  # share of the training by which all layers learn


@dataclass(frozen=True)
class GradualUnfreezing(Strategy):
    """Gradual unfreezing: the last layer learns first, and with each epoch one more below it.

    All at once, the large gradients of a random last layer would wash out what the others hold.
    Goes with a strategy that gives weights to start with.

    Source: Howard and Ruder 2018, arXiv:1801.06146, section 3.3.
    Differs from the paper: where the epochs are too few for it, layers follow faster, so that all
    learn in the second half; rates fall along half a cosine, not along a slanted triangle.

    Args:
        factor: that the rate is divided by from a layer to the one below; 2.6 in the paper, 1 lets
            all learn alike.
    """

    factor: float = 2.6

    card = Card(
        "gradual-unfreezing",
        "Gradual unfreezing",
        aliases=("ulmfit",),
        paper="arxiv:1801.06146",
        safety="retrains",
    )
    purpose = "transfer"
    tasks = CLASSES | {Task.REGRESSION}
    kinds = KINDS

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if not self.factor >= 1:
            raise InputError(f"gradual-unfreezing takes a factor from 1, not {self.factor}")
        epochs = plan.schedule.epochs

        def rates(network: nn.Sequential) -> tuple[Rate, ...]:
            layers = layers_of(network)[::-1]
            pause = min(1 / epochs, LATEST / max(1, len(layers) - 1))
            return tuple(
                rate_of(layer, self.factor**-depth, depth * pause)
                for depth, layer in enumerate(layers)
            )

        return plan.set(self.card.name, rates=rates)
