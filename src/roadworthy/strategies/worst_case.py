"""The worst inputs near a batch, for training: a fixed number of steps, and nothing is judged."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from roadworthy.attacks.directions import steepest
from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball, Norm
from roadworthy.training.plan import Batch


@dataclass(frozen=True, eq=False)
class WorstCase:
    """Steps that raise a loss within a ball and the box of valid inputs.

    Args:
        ball: how far inputs may move.
        low: smallest valid values.
        high: largest valid values.
        steps: gradient steps.
        step: length of each, as a share of the radius.
        start: radius of the random start, as a share of the ball's; 0 starts from the input.
    """

    ball: Ball
    low: Tensor
    high: Tensor
    steps: int
    step: float
    start: float = 1.0

    @classmethod
    def of(
        cls, data: Dataset, norm: Norm, eps: float, steps: int, step: float, start: float = 1.0
    ) -> "WorstCase":
        """Make it for a dataset, whose tables are measured in standard deviations.

        Raises:
            InputError: the norm is neither L-inf nor L2, or nothing can move.
        """
        if norm not in ("linf", "l2"):
            raise InputError(f"training against the worst case takes linf or l2, not {norm}")
        return cls(Ball.of(data, norm, eps), *data.bounds, steps, step, start)

    def __call__(
        self,
        network: nn.Module,
        x: Tensor,
        loss: Callable[[Tensor], Tensor],
        radius: Tensor | None = None,
    ) -> Tensor:
        """Give inputs (N, …) near x at which a loss of the outputs (N, K) is high.

        Args:
            network: is asked.
            x: (N, …).
            loss: outputs to (N,), or to their sum.
            radius: (N,) in place of the ball's.
        """
        unit = self.ball.unit(x)
        eps = x.new_full((len(x),), self.ball.eps) if radius is None else radius
        length = per_sample(self.step * eps, x)
        low, high = torch.minimum(self.low.to(x), x), torch.maximum(self.high.to(x), x)
        near = self._held(x, self.start * per_sample(eps, x) * self._noise(x, unit), eps, low, high)
        for _ in range(self.steps):
            near = near.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(loss(network(near)).sum(), near)
            delta = near.detach() - x + length * steepest(gradient, self.ball.norm, unit)
            near = self._held(x, delta, eps, low, high)
        return near.detach()

    def _noise(self, x: Tensor, unit: Tensor) -> Tensor:
        """Draw changes (N, …) within a radius of one unit."""
        if self.ball.norm == "linf":
            return (2 * torch.rand_like(x) - 1) * unit
        direction = steepest(torch.randn_like(x), "l2", unit)
        return direction * per_sample(torch.rand_like(x.flatten(1)[:, 0]), x)

    def _held(self, x: Tensor, delta: Tensor, eps: Tensor, low: Tensor, high: Tensor) -> Tensor:
        held = self.ball.project(delta, eps)
        return torch.minimum(torch.maximum(x + held, low), high)


def rising(eps: float, batch: Batch, warm_up: float) -> Tensor:
    """Give a radius (N,) that rises from 0 to `eps` during the first share of the training."""
    share = min(1.0, batch.progress / max(warm_up, 1e-9))
    return batch.x.new_full((len(batch.x),), eps * share)
