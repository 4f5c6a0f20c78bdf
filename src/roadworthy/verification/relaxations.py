"""Linear functions below and above a step, where its inputs lie in a box."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from roadworthy.networks.tabular_encoder import TabularEncoder
from roadworthy.verification.interval_propagation import propagate
from roadworthy.verification.normalization import Rescaled, Rescaling
from roadworthy.verification.region import Box, Region
from roadworthy.verification.steps import AFFINE


class Relaxation(Protocol):
    """Takes linear functions of a step's outputs to lower ones of its inputs."""

    def back(self, a: Tensor) -> tuple[Tensor | None, Tensor]:
        """Give weights (N, M, …) of the inputs and constants (N, M), from weights of the outputs.

        Without weights the constants are all there is.
        """


def relax(step: nn.Module, box: Box) -> Relaxation:
    """Give the relaxation of a step on a box of inputs; constants where no other is known."""
    if type(step) in AFFINE:
        return Affine(step, box[0].shape[1:])
    if type(step) is nn.ReLU:
        return Line.of_relu(*box)
    if type(step) is Rescaling:
        return Rescaled.of_box(step, *box)
    if type(step) is TabularEncoder:
        return Encoded(step, *propagate(step, box))
    if type(step) is nn.MaxPool2d and not step.padding and not step.ceil_mode:
        return Chosen.of_pool(step, *box)
    return Constant(*propagate(step, box))


@dataclass(frozen=True, eq=False)
class Affine:
    """A step that is an affine function: autograd gives its transpose.

    Args:
        step: the function.
        shape: of one input.
    """

    step: nn.Module
    shape: torch.Size

    def back(self, a: Tensor) -> tuple[Tensor | None, Tensor]:
        weights = a.flatten(0, 1)
        zero = weights.new_zeros(len(weights), *self.shape).requires_grad_()
        with torch.enable_grad():
            at_zero = self.step(zero)
        (back,) = torch.autograd.grad(at_zero, zero, weights)
        constant = (at_zero.detach() * weights).flatten(1).sum(1)
        return back.reshape(*a.shape[:2], *self.shape), constant.reshape(a.shape[:2])


@dataclass(frozen=True, eq=False)
class Line:
    """Two lines for each number: `slope * x + offset` below and above.

    Args:
        below: (N, …) slopes of the lower lines, which go through 0.
        above: (N, …) slopes of the upper lines.
        offset: (N, …) their values at 0.
    """

    below: Tensor
    above: Tensor
    offset: Tensor

    @classmethod
    def of_relu(cls, low: Tensor, high: Tensor) -> "Line":
        """Relax max(0, x): the chord above, and below 0 or x, whichever leaves less between."""
        width = (high - low).clamp_min(torch.finfo(low.dtype).tiny)
        chord = high / width
        is_crossed = (low < 0) & (high > 0)
        active = (low >= 0).to(low.dtype)
        return cls(
            torch.where(is_crossed, (high > -low).to(low.dtype), active),
            torch.where(is_crossed, chord, active),
            torch.where(is_crossed, -low * chord, 0.0),
        )

    def back(self, a: Tensor) -> tuple[Tensor | None, Tensor]:
        up, down = a.clamp_min(0), a.clamp_max(0)
        constant = torch.einsum("nmd,nd->nm", down.flatten(2), self.offset.flatten(1))
        return up * self.below[:, None] + down * self.above[:, None], constant


@dataclass(frozen=True, eq=False)
class Chosen:
    """The largest of each window: never less than one of them, and not more than the highest.

    Args:
        place: (N, C, H', W') which pixel of its channel has the largest lowest value.
        is_sure: (N, C, H', W') no other pixel of the window can be larger.
        highest: (N, C, H', W') largest value of the window.
        shape: (C, H, W) of one input.
    """

    place: Tensor
    is_sure: Tensor
    highest: Tensor
    shape: torch.Size

    @classmethod
    def of_pool(cls, step: nn.MaxPool2d, low: Tensor, high: Tensor) -> "Chosen":
        """Relax max pooling without padding."""
        settings = step.kernel_size, step.stride, 0, step.dilation
        least, place = functional.max_pool2d(low, *settings, return_indices=True)
        layout = step.kernel_size, step.dilation, 0, step.stride
        n, channels, height, width = least.shape
        # each window's pixels, and which of them was chosen
        pixels = functional.unfold(high, *layout).reshape(n, channels, -1, height * width)
        own = torch.arange(high[0, 0].numel(), device=low.device, dtype=low.dtype)
        own = functional.unfold(own.reshape(1, 1, *high.shape[2:]), *layout)[:, None]
        is_other = own != place.flatten(2)[:, :, None]
        others = pixels.where(is_other, float("-inf")).amax(2).reshape(least.shape)
        return cls(place, others <= least, step(high), low.shape[1:])

    def back(self, a: Tensor) -> tuple[Tensor | None, Tensor]:
        up, down = a.clamp_min(0), a.clamp_max(0)
        passed = up + torch.where(self.is_sure[:, None], down, 0.0)
        capped = torch.where(self.is_sure[:, None], 0.0, down)
        constant = (capped * self.highest[:, None]).flatten(2).sum(2)
        pixels = a.new_zeros(*a.shape[:3], self.shape[1] * self.shape[2])
        place = self.place.flatten(2)[:, None].expand(-1, a.shape[1], -1, -1)
        back = pixels.scatter_add(3, place, passed.flatten(3))
        return back.reshape(*a.shape[:2], *self.shape), constant


@dataclass(frozen=True, eq=False)
class Constant:
    """Outputs of a step that lie in a box, whatever its inputs do.

    Args:
        low: (N, …) lowest outputs.
        high: (N, …) highest outputs.
    """

    low: Tensor
    high: Tensor

    def back(self, a: Tensor) -> tuple[Tensor | None, Tensor]:
        return None, Region(self.low, self.high).lowest(a)


@dataclass(frozen=True, eq=False)
class Encoded:
    """An encoded row of a table: its numbers are standardized, its codes lie in a box.

    Args:
        step: encodes.
        low: (N, W) lowest outputs.
        high: (N, W) highest outputs.
    """

    step: TabularEncoder
    low: Tensor
    high: Tensor

    def back(self, a: Tensor) -> tuple[Tensor | None, Tensor]:
        count = len(self.step.numbers)
        slope = a[..., :count] / self.step.scale
        constant = Region(self.low[:, count:], self.high[:, count:]).lowest(a[..., count:])
        constant = constant - slope @ self.step.center
        columns = count + len(self.step.owners.unique())
        back = a.new_zeros(*a.shape[:2], columns).index_copy(2, self.step.numbers, slope)
        return back, constant
