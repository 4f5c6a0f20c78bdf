from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS
from roadworthy.core.progress import Progress
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class ClassWeights(Strategy):
    """Class weights: every class counts as much as every other, however few rows it has.

    A row weighs as much as its class is rarer than the average one. It raises the recall of rare
    classes and lowers that of frequent ones, and the probabilities no longer hold at the classes'
    frequencies: calibrate afterwards.

    Source: King and Zeng 2001, doi:10.1093/oxfordjournals.pan.a004868, section 4.

    Args:
        strength: 1 makes classes equal, 0 changes nothing.
    """

    strength: float = 1.0

    card = Card(
        "class-weights",
        "Class weights",
        aliases=("balanced",),
        paper="doi:10.1093/oxfordjournals.pan.a004868",
        fixes=("RW-DATA-001",),
        safety="retrains",
    )
    kinds = KINDS

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        y = plan.rows.y
        counts = y.bincount(minlength=len(plan.data.classes)).float()
        present = int((counts > 0).sum())
        weights = (len(y) / (present * counts.clamp_min(1))) ** self.strength
        weights = weights[y]
        return plan.set(self.card.name, weights=weights / weights.mean())
