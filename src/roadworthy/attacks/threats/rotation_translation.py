from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.threat import Transformation
from roadworthy.images.resampling import bilinear, centered


@dataclass(frozen=True)
class RotationTranslation(Transformation):
    """An image is turned around its middle and shifted.

    Theta is the angle in degrees, counterclockwise, and the shifts down and to the right as shares
    of the height and width. Pixels are interpolated bilinearly; what comes into view is `fill`. Its
    size is the largest share of any parameter's range.

    Source: Engstrom et al. 2017, arXiv:1712.02779: up to 30 degrees and 10 % of a side.

    Args:
        eps: share of the ranges below that the attacker may use.
        max_angle: largest angle, in degrees.
        max_shift: largest shift, as a share of the side; 3 pixels of 28.
        fill: value of what comes into view.
    """

    eps: float = 1.0
    max_angle: float = 30.0
    max_shift: float = 3 / 28
    fill: float = 0.0

    card = Card("rotation-translation", "Rotation and translation", paper="arxiv:1712.02779")

    def bounds(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if x.ndim != 4:
            raise InputError(f"only images (N, C, H, W) turn, not inputs of shape {(*x.shape,)}")
        high = x.new_tensor([self.max_angle, self.max_shift, self.max_shift])
        return -high, torch.zeros_like(high), high

    def render(self, x: Tensor, theta: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        angle, down, right = theta.unbind(1)
        row, column = centered(x)
        # where each pixel comes from: the shift is undone first, then the turn
        row = row - (down * height)[:, None, None]
        column = column - (right * width)[:, None, None]
        cosine, sine = (f(angle.deg2rad())[:, None, None] for f in (torch.cos, torch.sin))
        source_row = cosine * row + sine * column + (height - 1) / 2
        source_column = cosine * column - sine * row + (width - 1) / 2
        return bilinear(x, source_row, source_column, self.fill)
