from torch import nn

from roadworthy.networks.convolutional import Convolutional


class StridedCNN(Convolutional):
    """Convolutions of 4 × 4 that halve the image by their stride, with ReLU and nothing else.

    Without pooling and normalization it is quick, and bounds on its outputs are tight.

    Args:
        channels: of the images.
        size: height and width of the images.
        widths: channels of each convolution; each halves the image.
        hidden: width of the layer before the last.
        outputs: numbers per image.
    """

    def __init__(
        self, channels: int, size: list[int], widths: list[int], hidden: int, outputs: int
    ) -> None:
        stages: list[nn.Module] = []
        for before, width in zip([channels, *widths], widths, strict=False):
            stages += [nn.Conv2d(before, width, 4, stride=2, padding=1), nn.ReLU()]
        super().__init__(stages, size, widths, hidden, outputs)
