from collections.abc import Callable

import torch
from torch import Tensor, nn

from roadworthy.core.threat import Ball
from roadworthy.verification.region import Box, Region
from roadworthy.verification.steps import Steps, unroll

Bounds = Callable[[Steps, Region, Tensor], Tensor]  # lower bounds of functions of the outputs
SURE = 1e-5  # a lead that rounding of single precision does not turn
HALVINGS = 10  # of the range in which a radius lies
BATCH = 100  # samples at a time


def bounds(network: nn.Module, low: Tensor, high: Tensor, method: Bounds) -> Box:
    """Bound a network's outputs (N, K) where each input lies between `low` and `high` (N, …).

    Raises:
        NotAssessed: the network holds a module whose bounds are not known.
    """
    steps = unroll(network, torch.float64)
    region = Region(low.double(), high.double())
    outputs = _outputs(steps, region.low)
    one = torch.eye(outputs.shape[1], dtype=torch.float64, device=low.device)
    one = one.expand(len(low), -1, -1)
    return method(steps, region, one), -method(steps, region, -one)


def margins(steps: Steps, region: Region, y: Tensor, method: Bounds) -> Tensor:
    """Give lower bounds (N,) of how far the output of class y (N,) leads all others."""
    classes = _outputs(steps, region.low[:1]).shape[1]
    own = torch.nn.functional.one_hot(y, classes).to(region.low)
    wanted = own[:, None] - torch.eye(classes).to(region.low)
    lead = method(steps, region, wanted)
    return lead.masked_fill(own.bool(), float("inf")).amin(1)


def certified(
    network: nn.Module, x: Tensor, y: Tensor, eps: float, method: Bounds, norm: str = "linf"
) -> Tensor:
    """Say of samples whether a network provably answers y on all inputs within a distance.

    Args:
        network: of known modules, see `unroll`; in evaluation mode.
        x: (N, …) inputs.
        y: (N,) classes.
        eps: radius; no other bounds of inputs are taken into account.
        method: `interval_propagation` or `crown`.
        norm: `linf` or `l2`.

    Returns:
        (N,) bool.
    """
    steps, x = unroll(network, torch.float64), x.double()
    everything = x.new_tensor(float("-inf")), x.new_tensor(float("inf"))
    region = Region.around(x, x.new_full((len(x),), eps), Ball(norm, eps), everything)
    return margins(steps, region, y, method) > SURE


@torch.no_grad()
def certified_radius(
    steps: Steps, x: Tensor, y: Tensor, ball: Ball, valid: Box, method: Bounds
) -> Tensor:
    """Give the largest radii (N,) at which a network's answers y (N,) are proven.

    The range up to the ball's own radius is halved: what is proven holds, but a larger radius might
    be proven too. Where not even the input itself leads by enough, it is -1.

    Args:
        steps: the network, in double precision.
        x: (N, …) inputs.
        y: (N,) classes.
        ball: says the norm, the units and the largest radius that is looked at.
        valid: lowest and highest valid inputs.
        method: how to bound.
    """
    parts = [
        _radii(steps, some.double(), classes, ball, valid, method)
        for some, classes in zip(x.split(BATCH), y.split(BATCH), strict=True)
    ]
    return torch.cat(parts) if parts else x.new_zeros(0).double()


def _radii(steps: Steps, x: Tensor, y: Tensor, ball: Ball, valid: Box, method: Bounds) -> Tensor:
    def is_proven(eps: Tensor) -> Tensor:
        return margins(steps, Region.around(x, eps, ball, valid), y, method) > SURE

    return largest_proven(is_proven, x.new_full((len(x),), ball.eps))


def largest_proven(is_proven: Callable[[Tensor], Tensor], end: Tensor) -> Tensor:
    """Halve the range of radii from 0 to `end` (N,): the largest that are proven.

    Args:
        is_proven: says of radii (N,) whether they are.
        end: (N,) the largest that is looked at.

    Returns:
        (N,) radii, -1 where not even 0 is proven.
    """
    is_right = is_proven(torch.zeros_like(end))
    is_all = is_proven(end) & is_right
    proven, open_end = torch.where(is_all, end, 0.0), end
    for _ in range(HALVINGS):
        middle = (proven + open_end) / 2
        holds = is_proven(middle) & is_right
        proven, open_end = torch.where(holds, middle, proven), torch.where(holds, open_end, middle)
    return torch.where(is_right, proven, -1.0)


def _outputs(steps: Steps, x: Tensor) -> Tensor:
    for step in steps:
        x = step(x)
    return x
