from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.networks import Part
from roadworthy.recipes.cnn import CNN
from roadworthy.recipes.encoders import encoder_for

HALVINGS = 2


@dataclass(frozen=True)
class StridedCNN(CNN):
    """Trains two convolutions with stride and two linear layers by Adam: a net for robust training.

    It has no normalization, which adversarial training of small networks at large radii does
    better without, and no pooling, so that bounds on its outputs are tight.

    Source: Wong and Kolter 2018, arXiv:1711.00851, appendix B.1: on MNIST 16 and 32 channels and
    100 units, which are the defaults.

    Args:
        width: channels of the first convolution; the second has twice as many.
        hidden: width of the layer before the last.
        epochs: at most so many times over the rows.
        batch: rows per step.
        rate: learning rate at the start.
        decay: weight decay.
    """

    hidden: int = 100

    card = Card("strided-cnn", "Convolutional network with strides", cost="minutes")

    def parts(self, data: Dataset) -> tuple[Part, ...]:
        channels, *size = data.train.x.shape[1:]
        if min(size) >> HALVINGS == 0:
            raise InputError(f"{self.card.name} needs images of at least 4 × 4 pixels, not {size}")
        settings = {
            "channels": channels,
            "size": size,
            "widths": [self.width * 2**stage for stage in range(HALVINGS)],
            "hidden": self.hidden,
            "outputs": len(data.classes),
        }
        return encoder_for(data)[0], Part("strided-cnn", settings)
