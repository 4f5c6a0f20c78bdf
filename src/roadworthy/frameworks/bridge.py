from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

SMALLEST, LARGEST = 8, 512  # rows that a foreign function is called with


class Foreign(ABC):
    """A function of another framework: tensors (N, …) in and out, and its derivative.

    Tensors are handed over without a copy where both sides can, so neither changes what it is
    given.
    """

    dtype = torch.float32

    @abstractmethod
    def predict(self, x: Tensor) -> Tensor:
        """Give the outputs alone."""

    @abstractmethod
    def forward(self, x: Tensor) -> tuple[Tensor, Any]:
        """Give the outputs, and what `backward` needs of this pass."""

    @abstractmethod
    def backward(self, residuals: Any, gradient: Tensor) -> Tensor:
        """Give the gradient by the inputs for one by the outputs."""


def cross(foreign: Foreign, x: Tensor) -> Tensor:
    """Call a foreign function as one of torch's own, differentiable once.

    Frameworks that compile do so for each number of rows. A batch that shrinks from step to step
    would be compiled again each time, so it is filled up to a power of two with copies of its last
    row, and a large one is split.
    """
    if torch.is_grad_enabled() and x.requires_grad:
        outputs: Tensor = _Crossing.apply(x, foreign)
        return outputs
    return _join([foreign.predict(part) for part in _parts(foreign, x)], len(x), x)


class _Crossing(torch.autograd.Function):
    """The foreign derivative as a node of torch's graph."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, foreign: Foreign) -> Tensor:
        passed = [foreign.forward(part) for part in _parts(foreign, x)]
        ctx.foreign, ctx.like = foreign, x.new_empty(0)
        ctx.residuals = [residuals for _, residuals in passed]
        outputs = _join([outputs for outputs, _ in passed], len(x), x)
        if not outputs.is_floating_point():
            ctx.mark_non_differentiable(outputs)  # labels
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        parts = _parts(ctx.foreign, gradient, fill=0)
        gradients = map(ctx.foreign.backward, ctx.residuals, parts)
        return _join(list(gradients), len(gradient), ctx.like), None


def _parts(foreign: Foreign, x: Tensor, fill: float | None = None) -> list[Tensor]:
    """Split rows (N, …) into tensors of their own, filled up to a size that is met often."""
    x = x.detach().to(foreign.dtype)
    return [_filled(part, fill).contiguous() for part in x.split(LARGEST)]


def _filled(x: Tensor, fill: float | None) -> Tensor:
    size = SMALLEST
    while size < len(x):
        size *= 2
    last = x[-1:] if fill is None else torch.full_like(x[-1:], fill)
    # a copy even where nothing is missing: the caller may change its tensor in place later
    return torch.cat([x, last.expand(size - len(x), *x.shape[1:])])


def _join(parts: list[Tensor], rows: int, like: Tensor) -> Tensor:
    """Put parts together and cut the filling off; a copy, since the framework may keep its own."""
    left = rows - LARGEST * (len(parts) - 1)
    whole = torch.cat([*parts[:-1], parts[-1][:left]])
    return whole.to(like if whole.is_floating_point() else like.device)
