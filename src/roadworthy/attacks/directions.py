import torch
from torch import Tensor

from roadworthy.core.threat import Norm


def steepest(gradient: Tensor, norm: Norm, unit: Tensor) -> Tensor:
    """Give the step of length one unit that increases a linear function most: (N, …).

    Args:
        gradient: (N, …).
        norm: of the step; L0 has none, and takes that of L2.
        unit: one unit of each feature, shaped like an input; 0 where it cannot change.
    """
    if norm == "linf":
        return gradient.sign() * unit
    if norm == "l1":
        return _largest(gradient * unit) * unit
    return _unit_length(gradient * unit) * unit  # the gradient by the perturbation in units


def dual_length(gradient: Tensor, norm: Norm, unit: Tensor) -> Tensor:
    """Give by how much the steepest step of one unit increases a linear function: (N,)."""
    flat = (gradient * unit).flatten(1)
    if norm == "linf":
        return flat.abs().sum(1)
    return flat.abs().amax(1) if norm == "l1" else flat.norm(dim=1)


def _largest(scaled: Tensor) -> Tensor:
    """Give the sign of the entry of largest size, and 0 elsewhere: (N, …)."""
    flat = scaled.flatten(1)
    place = flat.abs().argmax(1, keepdim=True)
    return torch.zeros_like(flat).scatter(1, place, flat.gather(1, place).sign()).reshape_as(scaled)


def _unit_length(scaled: Tensor) -> Tensor:
    flat, tiny = scaled.flatten(1), torch.finfo(scaled.dtype).tiny
    # by the largest entry first: the squares of a small gradient would vanish
    flat = flat / flat.abs().amax(1, keepdim=True).clamp_min(tiny)
    return (flat / flat.norm(dim=1, keepdim=True).clamp_min(tiny)).reshape(scaled.shape)
