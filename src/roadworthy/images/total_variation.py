import math

import torch
from torch import Tensor

from roadworthy.core.adaptive import InputStep
from roadworthy.core.errors import InputError


def total_variation(drop: float, weight: float, steps: int = 100) -> InputStep:
    """Drop random pixels, with probability `drop`, and fill images in smoothly."""
    if not 0 <= drop < 1 or weight < 0:
        raise InputError(
            f"total-variation takes drop from 0 to less than 1 and a weight of 0 or more, not "
            f"{drop} and {weight}"
        )

    def filled(x: Tensor) -> Tensor:
        is_kept = torch.rand_like(x[:, :1]) >= drop
        return smoothest(x, is_kept, weight, steps)

    return InputStep(f"total-variation-{drop}-{weight}", filled, is_random=drop > 0)


def smoothest(x: Tensor, is_kept: Tensor, weight: float, steps: int = 100) -> Tensor:
    """Minimize ‖kept (z − x)‖ + weight · TV(z) over images z: (N, C, H, W).

    TV is the sum of the norms of the differences between neighboring rows, and between neighboring
    columns, channel by channel, as in the paper.

    Args:
        x: (N, C, H, W).
        is_kept: (N, 1, H, W), whether a pixel is to be near to that of `x`.
        weight: of the total variation.
        steps: of the primal-dual method.
    """
    kept = is_kept.to(x.dtype)
    z = ahead = kept * x + (1 - kept) * _mean_of_kept(x, kept)
    down, right = torch.zeros_like(x[:, :, 1:]), torch.zeros_like(x[:, :, :, 1:])
    step = 1 / math.sqrt(8)  # the differences' operator has a norm below √8
    for _ in range(steps):
        down = _within(down + step * ahead.diff(dim=2), weight, 3)
        right = _within(right + step * ahead.diff(dim=3), weight, 2)
        last, off = z, z - step * _adjoint(down, right) - x
        norm = (kept * off).flatten(1).norm(dim=1).clamp_min(1e-12)[:, None, None, None]
        z = x + off * (1 - kept * (step / norm).clamp_max(1))
        ahead = 2 * z - last
    return z.clamp(0, 1)


def _mean_of_kept(x: Tensor, kept: Tensor) -> Tensor:
    return (kept * x).sum((2, 3), keepdim=True) / kept.sum((2, 3), keepdim=True).clamp_min(1)


def _within(dual: Tensor, weight: float, axis: int) -> Tensor:
    """Project rows or columns to norms of at most the weight."""
    norm = dual.norm(dim=axis, keepdim=True).clamp_min(1e-12)
    return dual * (weight / norm).clamp_max(1)


def _adjoint(down: Tensor, right: Tensor) -> Tensor:
    """Give the transpose of both differences: (N, C, H, W)."""
    pad = torch.nn.functional.pad
    vertical = pad(down, (0, 0, 1, 0)) - pad(down, (0, 0, 0, 1))
    return vertical + pad(right, (1, 0)) - pad(right, (0, 1))
