from itertools import pairwise

from torch import Tensor, nn


class Conv4(nn.Module):
    """The four-block convolutional network that papers on few-shot learning compare on.

    A block is a 3 × 3 convolution, a normalization, a ReLU and, in the first blocks, a halving by
    the maximum. In evaluation mode `batch` normalizes by the statistics kept from training, so an
    input's features never depend on what else is in its batch; `group` does so in any mode.

    Args:
        channels: of the images.
        width: channels of each block.
        halvings: how many of the four blocks halve the sides.
        normalizes: over the `batch`, or over a `group` of an image's channels.
    """

    def __init__(
        self, channels: int, width: int = 64, halvings: int = 4, normalizes: str = "batch"
    ) -> None:
        super().__init__()
        if normalizes not in ("batch", "group"):
            raise ValueError(f"normalizes is {normalizes!r}: say batch or group")
        blocks: list[nn.Module] = []
        for number, (before, after) in enumerate(pairwise([channels, *[width] * 4])):
            blocks += [
                nn.Conv2d(before, after, 3, padding=1),
                nn.BatchNorm2d(after)
                if normalizes == "batch"
                else nn.GroupNorm(min(8, after), after),
                nn.ReLU(),
                nn.MaxPool2d(2) if number < halvings else nn.Identity(),
            ]
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:  # (N, C, H, W) to (N, width, H', W')
        return self.blocks(x)
