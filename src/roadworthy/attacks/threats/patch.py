from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.threat import Transformation
from roadworthy.images.resampling import bilinear, centered

PLACEMENT = 4  # parameters before the pixels: scale, angle, down, right


@dataclass(frozen=True)
class Patch(Transformation):
    """A printed square lies somewhere in the image, turned and scaled.

    Theta is the side of the square as a share of the image's shorter side, its angle in degrees,
    the place of its middle (down and to the right of the image's, as shares of height and width),
    and then the values of its pixels, channel by channel. Its size is that of the square alone.

    Source: Brown et al. 2017, arXiv:1712.09665.
    Differs from the paper: the patch is a square, not a disk.

    Args:
        eps: largest square, as a share of `max_scale`.
        side: pixels of the patch along a side.
        max_scale: side of the largest square, as a share of the image's shorter side.
        max_angle: largest angle, in degrees.
    """

    eps: float = 1.0
    side: int = 16
    max_scale: float = 0.5
    max_angle: float = 22.5

    card = Card("patch", "Printed patch", paper="arxiv:1712.09665")
    sized = (0,)

    def bounds(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if x.ndim != 4:
            raise InputError(f"a patch lies in images (N, C, H, W), not in {(*x.shape,)}")
        pixels = x.new_ones(x.shape[1] * self.side**2)
        low = x.new_tensor([0.0, -self.max_angle, -0.5, -0.5])
        high = x.new_tensor([self.max_scale, self.max_angle, 0.5, 0.5])
        return (
            torch.cat([low, 0 * pixels]),
            torch.cat([torch.zeros_like(low), pixels / 2]),
            torch.cat([high, pixels]),
        )

    def render(self, x: Tensor, theta: Tensor) -> Tensor:
        channels, height, width = x.shape[1:]
        scale, angle, down, right = theta[:, :PLACEMENT, None, None].unbind(1)
        patch = theta[:, PLACEMENT:].reshape(-1, channels, self.side, self.side)
        row, column = centered(x)
        row, column = row - down * height, column - right * width
        cosine, sine = torch.cos(angle.deg2rad()), torch.sin(angle.deg2rad())
        pixel = scale.clamp_min(1e-6) * min(height, width) / self.side
        at = (
            (cosine * row + sine * column) / pixel + (self.side - 1) / 2,
            (cosine * column - sine * row) / pixel + (self.side - 1) / 2,
        )
        # what lies outside the patch reads as 0, of it and of its cover alike
        shown, cover = bilinear(patch, *at), bilinear(torch.ones_like(patch[:, :1]), *at)
        is_there = (scale > 0)[:, None]
        return torch.where(is_there, x * (1 - cover) + shown, x)
