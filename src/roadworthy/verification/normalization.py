"""Group normalization in two steps, of which the first is linear, and lines around the second."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


class Centering(nn.Module):
    """Subtracts the mean of each group of channels: what is linear in group normalization.

    Args:
        groups: of channels.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:  # (N, C, …) to the same
        grouped = x.reshape(len(x), self.groups, -1)
        return (grouped - grouped.mean(2, keepdim=True)).reshape(x.shape)


class Rescaling(nn.Module):
    """Divides centered numbers by the spread of their group, then scales and shifts channels.

    Args:
        norm: the group normalization that this ends.
    """

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.norm, self.groups, self.eps = norm, norm.num_groups, norm.eps

    def forward(self, centered: Tensor) -> Tensor:  # (N, C, …) to the same
        grouped = centered.reshape(len(centered), self.groups, -1)
        factor = (grouped.square().mean(2, keepdim=True) + self.eps).rsqrt()
        weight, bias = self.channels(centered)
        return weight * (factor * grouped).reshape(centered.shape) + bias

    def channels(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give the weights and biases of the channels, to multiply with inputs (…, C, …) like x."""
        if self.norm.weight is None:
            return x.new_ones(()), x.new_zeros(())
        shape = (-1, *[1] * (x.ndim - 2))
        return self.norm.weight.reshape(shape), self.norm.bias.reshape(shape)


@dataclass(frozen=True, eq=False)
class Rescaled:
    """Lower linear functions of `Rescaling`, in which all numbers of a group share one factor.

    A linear function of a group's outputs is r·S: S is linear in the centered numbers c, and r is
    1/√v with v = mean(c²) + eps. As (r - r₀)(S - S₀) is at least minus the product of the half
    widths of both, r·S ≥ r₀·S + S₀·r - r₀·S₀ - that product, the mean of McCormick's two planes.
    For r there is a linear function on either side: v lies above its tangent and below its chord,
    and 1/√v falls and is convex. To first order nothing is lost.

    Args:
        step: rescales.
        middle: (N, G, n) of the box of the centered numbers, by groups.
        half: (N, G, n) half its width.
        factor: (N, G, 1) middle of the range of r.
        play: (N, G, 1) half the width of that range.
        below: slopes (N, G, n) and values at 0 (N, G, 1) of the linear function below r.
        above: the same of the one above.
    """

    step: Rescaling
    middle: Tensor
    half: Tensor
    factor: Tensor
    play: Tensor
    below: tuple[Tensor, Tensor]
    above: tuple[Tensor, Tensor]

    @classmethod
    def of_box(cls, step: Rescaling, low: Tensor, high: Tensor) -> "Rescaled":
        """Relax a rescaling of centered numbers in a box (N, C, …)."""
        groups = (len(low), step.groups, -1)
        low, high = low.reshape(groups), high.reshape(groups)
        middle, half = (low + high) / 2, (high - low) / 2
        nearest = (middle.abs() - half).clamp_min(0)
        least = (_mean((middle.abs() + half).square()) + step.eps).rsqrt()
        most = (_mean(nearest.square()) + step.eps).rsqrt()
        return cls(
            step,
            middle,
            half,
            (least + most) / 2,
            (most - least) / 2,
            _line_below(middle, half, step.eps),
            _line_above(middle, half, step.eps, most),
        )

    def back(self, a: Tensor) -> tuple[Tensor | None, Tensor]:
        weight, bias = self.step.channels(a[0])
        shift = (a * bias).flatten(2).sum(2)
        s = (a * weight).reshape(*a.shape[:2], self.step.groups, -1)  # (N, M, G, n)
        middle = (s * self.middle[:, None]).sum(3, keepdim=True)  # S₀
        half = (s.abs() * self.half[:, None]).sum(3, keepdim=True)
        (below, at_below), (above, at_above) = self.below, self.above
        up, down = middle.clamp_min(0), middle.clamp_max(0)
        back = self.factor[:, None] * s + up * below[:, None] + down * above[:, None]
        constant = up * at_below[:, None] + down * at_above[:, None]
        constant = constant - self.factor[:, None] * middle - self.play[:, None] * half
        return back.reshape(a.shape), shift + constant.flatten(2).sum(2)


def _mean(x: Tensor) -> Tensor:
    return x.mean(2, keepdim=True)


def _line_below(middle: Tensor, half: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Give slopes and value at 0 of the tangent of 1/√v where v is its chord, at the middle."""
    # c² ≤ 2 middle·c - middle² + half²
    at_middle = _mean(middle.square() + half.square()) + eps
    root, slope = at_middle.rsqrt(), -at_middle.pow(-1.5) / 2
    return 2 * slope * middle / middle.shape[2], root - 2 * slope * _mean(middle.square())


def _line_above(middle: Tensor, half: Tensor, eps: float, most: Tensor) -> tuple[Tensor, Tensor]:
    """Give slopes and value at 0 of the chord of 1/√v where v is its tangent at the middle.

    Where that tangent falls to 0, the highest factor `most` is all that is known.
    """
    # c² ≥ 2 middle·c - middle²
    at_middle, reach = _mean(middle.square()) + eps, _mean(2 * middle.abs() * half)
    is_positive = at_middle > reach
    ends = [(at_middle + way * reach).where(is_positive, 1.0).sqrt() for way in (-1, 1)]
    slope = -1 / (ends[0] * ends[1] * (ends[0] + ends[1]))
    at_zero = 1 / ends[0] + slope * (reach - 2 * _mean(middle.square()))
    return (
        torch.where(is_positive, 2 * slope * middle / middle.shape[2], 0.0),
        torch.where(is_positive, at_zero, most),
    )
