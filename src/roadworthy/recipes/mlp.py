from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.networks import Part
from roadworthy.recipes.encoders import encoder_for
from roadworthy.training.plan import Schedule, TrainPlan
from roadworthy.training.trained import NetworkRecipe, check_fits


@dataclass(frozen=True)
class MLP(NetworkRecipe):
    """Trains a multilayer perceptron with ReLU by Adam.

    Numbers are standardized and categories one-hot encoded inside the network, so that its
    gradients are those by the raw inputs; images are flattened.

    Source: Kingma and Ba 2014, arXiv:1412.6980 (Adam); Loshchilov and Hutter 2017,
    arXiv:1711.05101 (decoupled weight decay).

    Args:
        width: of the hidden layers.
        depth: how many there are.
        epochs: at most so many times over the rows.
        batch: rows per step.
        rate: learning rate at the start.
        decay: weight decay.
    """

    width: int = 64
    depth: int = 2
    epochs: int = 40
    batch: int = 64
    rate: float = 2e-3
    decay: float = 1e-2

    card = Card("mlp", "Multilayer perceptron", aliases=("perceptron",))
    tasks = frozenset({Task.NOMINAL, Task.ORDINAL, Task.REGRESSION})
    kinds = frozenset({"image", "tabular"})

    def plan(self, data: Dataset, rows: Split, seed: int) -> TrainPlan:
        check_fits(self, data)
        encoder, inputs = encoder_for(data)
        hidden = [self.width] * self.depth
        outputs = max(1, len(data.classes))
        body = Part("mlp", {"inputs": inputs, "hidden": hidden, "outputs": outputs})
        last = (Part("rescale"),) if data.task == Task.REGRESSION else ()
        parts = (encoder, body, *last)
        schedule = Schedule(self.epochs, self.batch, self.rate, self.decay)
        return TrainPlan(data, rows, parts, schedule, seed)
