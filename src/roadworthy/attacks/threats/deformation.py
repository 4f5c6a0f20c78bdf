from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.threat import Transformation
from roadworthy.images.resampling import bilinear


@dataclass(frozen=True)
class Deformation(Transformation):
    """A threat model whose changes move each pixel of an image by a vector of its own.

    The values are kept, only their places change: pixel u shows what was at u + tau(u), read
    between pixels by bilinear interpolation and at the border from the border. The size is the
    longest vector, in pixels. The parameters are the rows' and then the columns' displacements.

    Args:
        eps: the longest displacement, in pixels.
    """

    eps: float = 3.0

    card = Card("deformation", "Deformation of the image", paper="arxiv:1804.07729")

    def __post_init__(self) -> None:
        if not 0 <= self.eps < float("inf"):
            raise InputError(f"eps must be a finite number of pixels from 0, not {self.eps!r}")

    def bounds(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if x.ndim != 4:
            raise InputError(f"only images (N, C, H, W) deform, not inputs of shape {(*x.shape,)}")
        zero = x.new_zeros(2 * x.shape[-2] * x.shape[-1])
        farthest = zero + max(x.shape[-2:])
        return -farthest, zero, farthest

    def reach(self, x: Tensor) -> tuple[Tensor, Tensor]:
        _, zero, _ = self.bounds(x)
        return zero - self.eps, zero + self.eps

    def render(self, x: Tensor, theta: Tensor) -> Tensor:
        return displaced(x, theta.reshape(-1, 2, *x.shape[-2:]))

    def measure(self, x: Tensor, theta: Tensor) -> Tensor:
        return _lengths(theta).amax(1)

    def hold(
        self, origin: Tensor, x: Tensor, theta: Tensor, is_bounded: bool
    ) -> tuple[Tensor, Tensor]:
        if is_bounded:
            shrink = (self.eps / _lengths(theta).clamp_min(1e-30)).clamp_max(1)
            theta = theta * shrink.repeat(1, 2)
        else:
            low, _, high = self.bounds(origin)
            theta = torch.minimum(torch.maximum(theta, low), high)
        return self.render(origin, theta), theta


def displaced(x: Tensor, tau: Tensor) -> Tensor:
    """Read images (N, C, H, W) at each pixel's place plus tau (N, 2, H, W), in pixels."""
    height, width = x.shape[-2:]
    row = torch.arange(height, dtype=x.dtype, device=x.device)[:, None] + tau[:, 0]
    column = torch.arange(width, dtype=x.dtype, device=x.device) + tau[:, 1]
    return bilinear(x, row.clamp(0, height - 1), column.clamp(0, width - 1))


def slopes(x: Tensor, tau: Tensor) -> Tensor:
    """Give an image's slopes along rows and columns where each pixel reads: (N, 2, C, H, W).

    They are central differences over half a pixel to each side: the derivative of the interpolation
    itself would see only one of the neighbors.
    """
    half = 0.5 * torch.eye(2, dtype=x.dtype, device=x.device)[:, :, None, None]
    return torch.stack([displaced(x, tau + h) - displaced(x, tau - h) for h in half], 1)


def _lengths(theta: Tensor) -> Tensor:
    """Give the length of each pixel's displacement, (N, H * W)."""
    rows, columns = theta.chunk(2, 1)
    return torch.hypot(rows, columns)
