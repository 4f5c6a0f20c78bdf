from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress
from roadworthy.core.training import Recipe
from roadworthy.recipes.cnn import cnn_parts
from roadworthy.recipes.fit_network import Schedule, fit_network
from roadworthy.recipes.trained import check_fits, trained


@dataclass(frozen=True)
class DigitsCNN(Recipe):
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

    def fit(self, data: Dataset, rows: Split, seed: int, progress: Progress) -> Model:
        check_fits(self, data)
        parts = cnn_parts(data, self.width, self.hidden)
        schedule = Schedule(self.epochs, self.batch, self.rate, self.decay)
        network = fit_network(parts, data, rows, schedule, seed, progress)
        return trained(network, parts, self, data)
