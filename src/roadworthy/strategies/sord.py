from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.core.dataset import Task
from roadworthy.core.progress import Progress
from roadworthy.networks import Part
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class SORD(Strategy):
    """Soft ordinal labels: a class near the true one is less wrong than one far from it.

    The target is a distribution over the classes, proportional to exp(-sharpness |j - y|^power),
    and the network learns by cross-entropy. Its outputs are logits of the classes as usual, so
    that it goes with trainings that read them.

    Source: Díaz and Marathe 2019, CVPR, doi:10.1109/CVPR.2019.00487.

    Args:
        sharpness: how fast the target falls with the distance; a large one leaves the class alone.
        power: of the distance of two classes: 1 or 2.
    """

    sharpness: float = 1.0
    power: float = 2.0

    card = Card(
        "sord",
        "Soft ordinal labels",
        aliases=("soft-ordinal-labels",),
        paper="doi:10.1109/CVPR.2019.00487",
        safety="retrains",
    )
    purpose = "ordinal"
    tasks = frozenset({Task.ORDINAL})

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        classes = len(plan.data.classes)
        settings = {
            "classes": classes,
            "sharpness": self.sharpness,
            "power": self.power,
        }
        return plan.with_head(self.card.name, classes, Part("sord", settings))
