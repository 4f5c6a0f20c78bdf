"""Small changes of images (N, C, H, W) in [0, 1] by a strength (N,) from -1 to 1.

Only where something can be moved or turned two ways does the sign matter. Rounding, which has no
derivative of use, has the identity's.

Source: Hendrycks et al. 2020, arXiv:1912.02781, and its code's constants. Differs from the paper:
images are changed as numbers, where the paper rounds to bytes after each change.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from roadworthy.core.shapes import per_sample

Change = Callable[[Tensor, Tensor], Tensor]
LEVELS = 256  # of a byte


def rotate(x: Tensor, strength: Tensor) -> Tensor:
    """Turn by up to 30 degrees."""
    angle = strength * math.radians(30)
    aspect = x.shape[2] / x.shape[3]  # the grid runs from -1 to 1 along both sides
    matrix = _still(x)
    matrix[:, 0, 0] = matrix[:, 1, 1] = angle.cos()
    matrix[:, 0, 1], matrix[:, 1, 0] = -angle.sin() * aspect, angle.sin() / aspect
    return _move(x, matrix)


def _entry(row: int, column: int, most: float) -> Change:
    """Give the change that sets one entry of the matrix, to at most `most`."""

    def change(x: Tensor, strength: Tensor) -> Tensor:
        matrix = _still(x)
        matrix[:, row, column] = strength * most
        return _move(x, matrix)

    return change


def _still(x: Tensor) -> Tensor:
    """Give the matrices (N, 2, 3) that leave pixels where they are."""
    return torch.eye(2, 3, dtype=x.dtype, device=x.device).repeat(len(x), 1, 1)


def _move(x: Tensor, matrix: Tensor) -> Tensor:
    """Take each pixel from where a matrix (N, 2, 3) says; 0 from outside."""
    grid = affine_grid(matrix, list(x.shape), align_corners=False)
    return grid_sample(x, grid, align_corners=False)


def posterize(x: Tensor, strength: Tensor) -> Tensor:
    """Keep 4 bits of each value, or fewer."""
    bits = 4 - (4 * strength.abs()).floor()
    coarse = per_sample(2 ** (8 - bits), x)
    return _through(x, ((x * (LEVELS - 1)).round() / coarse).floor() * coarse / (LEVELS - 1))


def solarize(x: Tensor, strength: Tensor) -> Tensor:
    """Turn values around that are above a threshold, which strength lowers."""
    return torch.where(x >= per_sample(1 - strength.abs(), x), 1 - x, x)


def autocontrast(x: Tensor, strength: Tensor) -> Tensor:
    """Stretch each channel to all values; strength plays no part."""
    low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
    return torch.where(high > low, (x - low) / (high - low).clamp_min(1e-6), x)


def equalize(x: Tensor, strength: Tensor) -> Tensor:
    """Make all values of a channel about as frequent; strength plays no part."""
    byte = (x * (LEVELS - 1)).round().long().flatten(2)
    count = torch.zeros(*byte.shape[:2], LEVELS, dtype=torch.int64, device=x.device)
    below = count.scatter_add_(2, byte, torch.ones_like(byte)).cumsum(2)  # pixels up to each value
    least = below.gather(2, byte.amin(2, keepdim=True))
    spread = byte.shape[2] - least
    even = ((below.gather(2, byte) - least) / spread.clamp_min(1)).to(x.dtype).reshape(x.shape)
    return torch.where(spread[..., None] > 0, _through(x, even), x)


def _through(x: Tensor, changed: Tensor) -> Tensor:
    """Give what changed is, with the identity's derivative."""
    return changed.detach() + (x - x.detach())


CHANGES: tuple[Change, ...] = (
    autocontrast,
    equalize,
    posterize,
    rotate,
    solarize,
    _entry(0, 1, 0.3),  # shears
    _entry(1, 0, 0.3),
    _entry(0, 2, 2 / 3),  # shifts by a third of a side, which is 2 long
    _entry(1, 2, 2 / 3),
)
