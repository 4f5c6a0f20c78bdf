import math
from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.adaptive import Guarded, InputStep
from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model


@dataclass(frozen=True)
class TotalVariation(Guard):
    """Total variation minimization: random pixels are dropped and filled in smoothly.

    Each pixel is dropped with probability `drop`. The image is replaced by the smoothest one that
    is near to the pixels that are left. It claims that this takes away a small change, and that
    chance hides from an attacker which pixels count. An attack that takes the identity's derivative
    in its place and averages over the draws gets through.

    Source: Guo et al. 2017, arXiv:1711.00117, section 4; broken by Athalye et al. 2018,
    arXiv:1802.00420.
    Differs from the paper: the same problem is solved by a primal-dual method (Chambolle and Pock
    2011, doi:10.1007/s10851-010-0251-1), all images at a time, not by split Bregman; the model is
    not trained again on such images.

    Args:
        drop: probability that a pixel is dropped, in all channels.
        weight: of the total variation; the paper's λ.
        steps: of the solver.
    """

    drop: float = 0.5
    weight: float = 0.03
    steps: int = 100

    card = Card(
        "total-variation",
        "Total variation minimization",
        aliases=("TVM", "tv-min"),
        paper="arxiv:1711.00117",
        fixes=("RW-ROB-001",),
        safety="changes predictions",
    )
    kinds = frozenset({"image"})

    def wrap(self, model: Model, learned: Learned) -> Model:
        if not 0 <= self.drop < 1 or self.weight < 0:
            raise InputError(
                f"total-variation takes drop from 0 to less than 1 and a weight of 0 or more, not "
                f"{self.drop} and {self.weight}"
            )
        name = f"total-variation-{self.drop}-{self.weight}"
        return Guarded(model, InputStep(name, self._filled, is_random=self.drop > 0))

    def _filled(self, x: Tensor) -> Tensor:
        is_kept = torch.rand_like(x[:, :1]) >= self.drop
        return smoothest(x, is_kept, self.weight, self.steps)


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
