import torch
from torch import Tensor, nn

from roadworthy.networks.image_scaler import ImageScaler
from roadworthy.verification.interval_propagation import interval_propagation, propagate
from roadworthy.verification.region import Box, Region
from roadworthy.verification.relaxations import Affine, Constant, Line, Relaxation, relax
from roadworthy.verification.steps import Steps

WIDEST = 4096  # numbers that a step may take, for its inputs to be bounded backward too
AT_ONCE = 1 << 17  # numbers that the weights of one backward pass hold; a cache holds a few
KEEPS_APART = (nn.Flatten, ImageScaler)  # affine steps that mix no two numbers


@torch.no_grad()
def crown(steps: Steps, region: Region, wanted: Tensor) -> Tensor:
    """Bound linear functions of a network's outputs by linear relaxation, backward (CROWN).

    Going back through the network, each function becomes a lower linear one of the step's inputs,
    in the end of the network's own, where the lowest value is known. ReLU lies between two lines;
    which ones follows from bounds of its inputs, which are made the same way.

    Source: Zhang et al. 2018, arXiv:1811.00866, section 3.3 (adaptive lower slope of ReLU).
    Differs from the paper: bounds are the tighter of these and interval propagation; max pooling
    lies between one of its pixels and the highest value; group normalization is a linear step and
    a product that is relaxed; other activations are bounded by intervals, and so are the inputs of
    steps wider than `WIDEST`.

    Args:
        steps: the network.
        region: where its inputs lie.
        wanted: (N, M, K) weights of the outputs in each function.

    Returns:
        Lower bounds (N, M).
    """
    relaxed: list[Relaxation] = []
    box = region.box
    for step in steps:
        # what is linear needs no bounds of its inputs
        if not isinstance(relaxed_step := relax(step, box), Affine):
            box = _tightened(relaxed, region, box)
            relaxed_step = relax(step, box)
        relaxed.append(relaxed_step)
        box = propagate(step, box)
    return torch.maximum(
        _lowest(relaxed, region, wanted), interval_propagation(steps, region, wanted)
    )


def _lowest(relaxed: list[Relaxation], region: Region, wanted: Tensor) -> Tensor:
    """Bound functions (N, M, …) of the outputs of some steps, some of them at a time."""
    widest = max([wanted[0, 0].numel(), region.low[0].numel(), *map(_width, relaxed)])
    most = max(1, AT_ONCE // (len(wanted) * widest))
    return torch.cat([_lowest_piece(relaxed, region, some) for some in wanted.split(most, 1)], 1)


def _width(relaxation: Relaxation) -> int:
    return relaxation.shape.numel() if isinstance(relaxation, Affine) else 0


def _lowest_piece(relaxed: list[Relaxation], region: Region, a: Tensor) -> Tensor:
    total = a.new_zeros(a.shape[:2])
    for relaxation in reversed(relaxed):
        back, constant = relaxation.back(a)
        total = total + constant
        if back is None:
            return total
        a = back
    return total + region.lowest(a)


def _tightened(relaxed: list[Relaxation], region: Region, box: Box) -> Box:
    """Bound the outputs of some steps backward; the tighter of that and their box."""
    low, high = box
    width = low[0].numel()
    if width > WIDEST or _is_exact(relaxed, region):
        return box
    if relaxed and isinstance(relaxed[-1], Line):  # the chord's ends are those of its own box
        return box
    one = torch.eye(width, dtype=low.dtype, device=low.device).reshape(width, *low.shape[1:])
    wanted = one.expand(len(low), *one.shape)
    lower = _lowest(relaxed, region, wanted).reshape(low.shape)
    upper = -_lowest(relaxed, region, -wanted).reshape(low.shape)
    low, high = torch.maximum(low, lower), torch.minimum(high, upper)
    # both are right, so they cross by rounding alone
    return torch.minimum(low, high), torch.maximum(low, high)


def _is_exact(relaxed: list[Relaxation], region: Region) -> bool:
    """Say whether the box of the outputs is the tightest already: one mixing of free numbers."""
    is_free, mixes = region.is_box, 0
    for relaxation in relaxed:
        if isinstance(relaxation, Constant):
            is_free, mixes = True, 0
        elif not isinstance(relaxation, Affine):
            is_free = is_free and mixes == 0
        else:
            mixes += not isinstance(relaxation.step, KEEPS_APART)
    return is_free and mixes <= 1
