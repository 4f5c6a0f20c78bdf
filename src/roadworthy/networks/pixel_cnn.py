import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

FIRST = 3  # pixels that the first layer sees on each side; every block sees one more


class PixelCNN(nn.Module):
    """Says how likely each value of a pixel is, given the pixels above it and to its left.

    A pixel's channels are taken as independent, given those pixels. Values are rounded to levels.

    Source: van den Oord et al. 2016, arXiv:1601.06759, sections 3.4 and 3.5.
    Differs from the paper: channels do not depend on each other; residual blocks of one masked
    3 × 3 convolution, so that a few pixels to the upper right stay unseen.

    Args:
        channels: of the images.
        levels: how many values a channel can have, from 0 to 1.
        width: channels of the hidden layers.
        blocks: how many residual blocks there are.
    """

    def __init__(self, channels: int, levels: int, width: int, blocks: int) -> None:
        super().__init__()
        self.channels, self.levels, self.reach = channels, levels, FIRST + blocks
        self.first = Masked(channels, width, FIRST, sees_itself=False)
        self.blocks = nn.ModuleList(
            Masked(width, width, 1, sees_itself=True) for _ in range(blocks)
        )
        self.last = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, channels * levels, 1)
        )

    def forward(self, x: Tensor) -> Tensor:  # (N, C, H, W) to logits (N, levels, C, H, W)
        hidden = self.first(2 * x - 1)
        for block in self.blocks:
            hidden = hidden + block(hidden.relu())
        return self.last(hidden).unflatten(1, (self.levels, self.channels))

    def nearest_level(self, x: Tensor) -> Tensor:
        """Round values in [0, 1] to the numbers of their levels."""
        return (x * (self.levels - 1)).round().long()

    def log_likelihood(self, x: Tensor) -> Tensor:
        """Give the log-likelihood (N, C, H, W) of each value, rounded to its level."""
        return -cross_entropy(self(x), self.nearest_level(x), reduction="none")

    def at(self, x: Tensor, row: int, column: int) -> Tensor:
        """Give the logits (N, levels, C) of one pixel; only what it depends on is computed."""
        top, left = max(0, row - self.reach), max(0, column - self.reach)
        seen = x[:, :, top : row + 1, left : column + self.reach + 1]
        return self(seen)[..., row - top, column - left]


class Masked(nn.Conv2d):
    """A convolution that sees only pixels above, or to the left in the same row.

    Args:
        inputs: channels in.
        outputs: channels out.
        reach: pixels that it sees on each side.
        sees_itself: whether it sees the pixel in its middle too.
    """

    def __init__(self, inputs: int, outputs: int, reach: int, *, sees_itself: bool) -> None:
        super().__init__(inputs, outputs, 2 * reach + 1, padding=reach)
        mask = torch.zeros(2 * reach + 1, 2 * reach + 1)
        mask[:reach] = 1
        mask[reach, : reach + sees_itself] = 1
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.weight * self.mask, self.bias)
