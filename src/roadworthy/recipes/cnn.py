from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.networks import Part
from roadworthy.recipes.encoders import encoder_for
from roadworthy.training.plan import Schedule, TrainPlan
from roadworthy.training.trained import NetworkRecipe, check_fits

LEAST = 2  # pixels that the last halving leaves of the shorter side


@dataclass(frozen=True)
class CNN(NetworkRecipe):
    """Trains a small convolutional network on images by Adam.

    It has as many stages as halvings bring the shorter side down to 2 or 3 pixels; each stage has
    twice the channels of the one before, up to four times `width`.

    Source: Kingma and Ba 2014, arXiv:1412.6980 (Adam); Wu and He 2018, arXiv:1803.08494 (group
    normalization).

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
    rate: float = 2e-3
    decay: float = 1e-2

    card = Card("cnn", "Small convolutional network", cost="minutes")
    tasks = frozenset({Task.NOMINAL, Task.ORDINAL})
    kinds = frozenset({"image"})

    def plan(self, data: Dataset, rows: Split, seed: int) -> TrainPlan:
        check_fits(self, data)
        schedule = Schedule(self.epochs, self.batch, self.rate, self.decay)
        return TrainPlan(data, rows, self.parts(data), schedule, seed)

    def parts(self, data: Dataset) -> tuple[Part, ...]:
        """Say what the network for a dataset's images is made of.

        Raises:
            InputError: the images are too small for it.
        """
        return cnn_parts(data, self.width, self.hidden)


def cnn_parts(data: Dataset, width: int, hidden: int) -> tuple[Part, ...]:
    """Choose as many stages as the images have halvings to give.

    Raises:
        InputError: the images are smaller than 4 × 4.
    """
    channels, *size = data.train.x.shape[1:]
    stages = 0
    while min(size) >> (stages + 1) >= LEAST:
        stages += 1
    if stages == 0:
        raise InputError(f"a CNN needs images of at least 4 × 4 pixels, not {size[0]} × {size[1]}")
    settings = {
        "channels": channels,
        "size": size,
        "widths": [width * min(4, 2**stage) for stage in range(stages)],
        "hidden": hidden,
        "outputs": len(data.classes),
    }
    return encoder_for(data)[0], Part("cnn", settings)
