import torch
from torch import Tensor, nn
from torch.nn import functional

from roadworthy.networks.tabular_encoder import TabularEncoder
from roadworthy.verification.normalization import Centering, Rescaling
from roadworthy.verification.region import Box, Region
from roadworthy.verification.steps import Steps


def interval_propagation(steps: Steps, region: Region, wanted: Tensor) -> Tensor:
    """Bound linear functions of a network's outputs by interval bound propagation.

    Each step takes the lowest and highest values of its inputs to those of its outputs, as if its
    inputs did not depend on each other. Cheap, differentiable, and loose for networks that were
    not trained for it. The last linear step is joined with the functions that are wanted.

    Source: Gowal et al. 2018, arXiv:1810.12715, section 3 and equation 11.

    Args:
        steps: the network.
        region: where its inputs lie; of a ball the box around it.
        wanted: (N, M, K) weights of the outputs in each function.

    Returns:
        Lower bounds (N, M).
    """
    box = region.box
    joined = bool(steps) and type(steps[-1]) is nn.Linear
    for step in steps[:-1] if joined else steps:
        box = propagate(step, box)
    if not joined:
        return Region(*box).lowest(wanted)
    last = steps[-1]
    least = Region(*box).lowest(wanted @ last.weight)
    return least if last.bias is None else least + wanted @ last.bias


def propagate(step: nn.Module, box: Box) -> Box:
    """Give the lowest and highest outputs of one step."""
    low, high = box
    if isinstance(step, (nn.Linear, nn.Conv2d)):
        return _mixed(step, (low + high) / 2, (high - low) / 2)
    if isinstance(step, Centering):
        return _centered(step, low, high)
    if isinstance(step, Rescaling):
        return _rescaled(step, low, high)
    if isinstance(step, TabularEncoder):
        return _encoded(step, low, high)
    first, second = step(low), step(high)
    if isinstance(step, (nn.BatchNorm1d, nn.BatchNorm2d)):  # its factors may be negative
        return torch.minimum(first, second), torch.maximum(first, second)
    return first, second


def _mixed(step: nn.Linear | nn.Conv2d, middle: Tensor, half: Tensor) -> Box:
    size = step.weight.abs()
    if isinstance(step, nn.Linear):
        spread = functional.linear(half, size)
    else:
        spread = functional.conv2d(
            half, size, None, step.stride, step.padding, step.dilation, step.groups
        )
    center = step(middle)
    return center - spread, center + spread


def _centered(step: Centering, low: Tensor, high: Tensor) -> Box:
    shape, groups = low.shape, (len(low), step.groups, -1)
    low, high = low.reshape(groups), high.reshape(groups)
    n = low.shape[2]
    c_low = low - (high.sum(2, keepdim=True) - high + low) / n
    c_high = high - (low.sum(2, keepdim=True) - low + high) / n
    return c_low.reshape(shape), c_high.reshape(shape)


def _rescaled(step: Rescaling, low: Tensor, high: Tensor) -> Box:
    """Bound the rescaling of n centered numbers: c / sqrt(c²/n + rest).

    It rises with c; `rest` is the mean of the others' squares and the constant that is added.
    """
    shape, groups = low.shape, (len(low), step.groups, -1)
    weight, bias = step.channels(low)
    low, high = low.reshape(groups), high.reshape(groups)
    n = low.shape[2]
    largest = torch.maximum(low.abs(), high.abs()).square()
    smallest = torch.maximum(low, -high).clamp_min(0).square()
    rest_high = (largest.sum(2, keepdim=True) - largest) / n + step.eps
    rest_low = (smallest.sum(2, keepdim=True) - smallest).clamp_min(0) / n + step.eps
    nearest, farthest = _ratio(low, rest_high, n), _ratio(low, rest_low, n)
    y_low = torch.where(low > 0, nearest, farthest).reshape(shape)
    nearest, farthest = _ratio(high, rest_high, n), _ratio(high, rest_low, n)
    y_high = torch.where(high > 0, farthest, nearest).reshape(shape)
    first, second = weight * y_low, weight * y_high
    return torch.minimum(first, second) + bias, torch.maximum(first, second) + bias


def _ratio(c: Tensor, rest: Tensor, n: int) -> Tensor:
    return c / (c.square() / n + rest).sqrt()


def _encoded(step: TabularEncoder, low: Tensor, high: Tensor) -> Box:
    """Bound an encoded row; a code that may change may be any between its ends."""
    first, last = low[:, step.owners].round(), high[:, step.owners].round()
    is_possible = (first <= step.codes) & (step.codes <= last)
    is_sure = is_possible & (first == last)
    ends = []
    for x, one_hot in ((low, is_sure), (high, is_possible)):
        standardized = (x[:, step.numbers] - step.center) / step.scale
        ends.append(torch.cat([standardized, one_hot.to(x.dtype)], 1))
    return ends[0], ends[1]
