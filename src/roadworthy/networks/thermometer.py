import torch
from torch import Tensor, nn

SLOPE = 0.5  # of the smooth code at a level's edge, in codes per level


class Thermometer(nn.Module):
    """Spreads each value of an image over channels: level l is on where the value's is l or less.

    A code is a step function of the value, without a useful derivative. On the way back a smooth
    code's derivative takes its place, so that training, and an attacker who knows, get by.

    Source: Buckman et al. 2018, openreview:S18Su--CW; the way back: Athalye et al. 2018,
    arXiv:1802.00420.

    Args:
        levels: evenly spaced in [0, 1].
    """

    obstacle = "thermometer"  # what a model that it is part of declares

    def __init__(self, levels: int) -> None:
        super().__init__()
        if levels < 2:
            raise ValueError("a thermometer has at least 2 levels")
        self.levels = levels

    def measure(self, x: Tensor) -> None:
        """Take nothing from images: the levels are fixed."""

    def quantize(self, x: Tensor) -> Tensor:
        """Give the level, from 0, of each value."""
        return (x * self.levels).floor().clamp(0, self.levels - 1).long()

    def encode(self, one_hot: Tensor) -> Tensor:
        """Give codes (N, C · levels, H, W) of levels (N, C, H, W, levels), also of mixed ones."""
        return one_hot.cumsum(-1).movedim(-1, 2).flatten(1, 2)

    def forward(self, x: Tensor) -> Tensor:  # (N, C, H, W) to (N, C · levels, H, W)
        level = torch.arange(self.levels, device=x.device)
        code = (self.quantize(x)[..., None] <= level).to(x.dtype)
        # the derivative of a logistic curve around the level's upper edge
        smooth = torch.sigmoid(4 * SLOPE * (level + 1 - self.levels * x[..., None]))
        code = code + (smooth - smooth.detach())  # adds exactly 0
        return code.movedim(-1, 2).flatten(1, 2)
