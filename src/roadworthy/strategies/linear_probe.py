from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.strategies.layers import only_top
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import CLASSES, Strategy


@dataclass(frozen=True)
class LinearProbe(Strategy):
    """Linear probe: only the last layer learns; the embedding stays what it was.

    Goes with a strategy that gives the embedding: fine-tune, or any that learns a representation.
    By itself it learns on top of random weights. What few targets cannot spoil they cannot mend
    either: where the embedding lacks what the task asks for, the probe fails.

    Source: Kumar et al. 2022, arXiv:2202.10054, section 2.

    Args:
        speed: what the rate is multiplied by; one layer bears more than a whole network.
    """

    speed: float = 5.0

    card = Card("linear-probe", "Linear probe", paper="arxiv:2202.10054", safety="retrains")
    purpose = "transfer"
    tasks = CLASSES | {Task.REGRESSION}
    kinds = KINDS

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if not self.speed > 0:
            raise InputError(f"linear-probe takes a positive speed, not {self.speed}")
        return plan.set(self.card.name, rates=lambda network: only_top(network, self.speed))
