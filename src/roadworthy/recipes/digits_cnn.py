from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.recipes.cnn import cnn_parts
from roadworthy.training.plan import Schedule, TrainPlan
from roadworthy.training.trained import NetworkRecipe, check_fits


@dataclass(frozen=True)
class DigitsCNN(NetworkRecipe):
    """Trains the CNN that is inspected when no model is named, in a few seconds.

    The network of `cnn`, with the settings that suit 1,300 digits of 8 × 8 pixels.

    Args:
        width: channels of the first stage.
        hidden: width of the layer before the last.
        epochs: at most so many times over the rows.
        batch: rows per step.
        rate: learning rate at the start.
        decay: weight decay.
    """

    width: int = 16
    hidden: int = 64
    epochs: int = 12
    batch: int = 32
    rate: float = 4e-3
    decay: float = 1e-2

    card = Card("digits-cnn", "CNN for the built-in digits")
    tasks = frozenset({Task.NOMINAL, Task.ORDINAL})
    kinds = frozenset({"image"})

    def plan(self, data: Dataset, rows: Split, seed: int) -> TrainPlan:
        check_fits(self, data)
        parts = cnn_parts(data, self.width, self.hidden)
        schedule = Schedule(self.epochs, self.batch, self.rate, self.decay)
        return TrainPlan(data, rows, parts, schedule, seed)
