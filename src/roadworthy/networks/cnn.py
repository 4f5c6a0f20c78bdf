from torch import nn

from roadworthy.networks.convolutional import Convolutional


class CNN(Convolutional):
    """A small convolutional network for images from 8 × 8 to about 96 × 96 pixels.

    A stage is two 3 × 3 convolutions and a halving; a linear layer follows the last. It normalizes
    over channels, so a sample's outputs do not depend on the batch it sits in.

    Args:
        channels: of the images.
        size: height and width of the images; each stage halves them.
        widths: channels of each stage.
        hidden: width of the layer before the last.
        outputs: numbers per image.
        normalizes: over groups of channels, after the first convolution of each stage.
    """

    def __init__(
        self,
        channels: int,
        size: list[int],
        widths: list[int],
        hidden: int,
        outputs: int,
        normalizes: bool = True,
    ) -> None:
        stages: list[nn.Module] = []
        for before, width in zip([channels, *widths], widths, strict=False):
            stages += [
                nn.Conv2d(before, width, 3, padding=1),
                nn.GroupNorm(min(8, width), width) if normalizes else nn.Identity(),
                nn.ReLU(),
                nn.Conv2d(width, width, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        super().__init__(stages, size, widths, hidden, outputs)
