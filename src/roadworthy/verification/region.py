from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.core.errors import NotAssessed
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball

Box = tuple[Tensor, Tensor]  # lowest and highest values, (N, …) each


@dataclass(frozen=True, eq=False)
class Region:
    """Where the inputs around each sample may lie: a box, and within it perhaps an L2 ball.

    Args:
        low: (N, …) lowest values.
        high: (N, …) highest values.
        center: (N, …) of the L2 ball; None where there is only the box.
        reach: (N, …) how far the ball goes along each feature.
    """

    low: Tensor
    high: Tensor
    center: Tensor | None = None
    reach: Tensor | None = None

    @classmethod
    def around(cls, x: Tensor, eps: Tensor, ball: Ball, valid: Box) -> "Region":
        """Give what an attacker reaches from samples.

        Args:
            x: (N, …).
            eps: (N,) budgets, in the ball's units.
            ball: says the norm, the units and what may change.
            valid: lowest and highest valid inputs, broadcastable to one; a sample that lies
                outside may stay there.

        Raises:
            NotAssessed: the norm is neither L-inf nor L2.
        """
        if ball.norm not in ("linf", "l2"):
            raise NotAssessed(f"bounds are made for linf and l2, not for {ball.norm}")
        reach = per_sample(eps, x) * ball.unit(x)
        low = torch.maximum(x - reach, torch.minimum(valid[0].to(x), x))
        high = torch.minimum(x + reach, torch.maximum(valid[1].to(x), x))
        box = cls(low, high)
        return box if ball.norm == "linf" else replace(box, center=x, reach=reach)

    @property
    def box(self) -> Box:
        """The lowest and highest values."""
        return self.low, self.high

    @property
    def is_box(self) -> bool:
        """Whether each feature moves whatever the others do."""
        return self.center is None

    def lowest(self, a: Tensor) -> Tensor:
        """Give the lowest values (N, M) of linear functions a (N, M, …) in the region.

        Within a ball and a box it is the higher of what each of them alone gives.
        """
        least = _products(a.clamp_min(0), self.low) + _products(a.clamp_max(0), self.high)
        if self.center is None or self.reach is None:
            return least
        length = (a * self.reach[:, None]).flatten(2).norm(dim=2)  # L2 is its own dual
        return torch.maximum(least, _products(a, self.center) - length)


def _products(a: Tensor, x: Tensor) -> Tensor:
    """Multiply linear functions a (N, M, …) with inputs x (N, …)."""
    return torch.einsum("nmd,nd->nm", a.flatten(2), x.flatten(1))
