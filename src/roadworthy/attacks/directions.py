import torch
from torch import Tensor

from roadworthy.core.threat import Norm


def steepest(gradient: Tensor, norm: Norm, unit: Tensor) -> Tensor:
    """Give the step of length one unit that increases a linear function most: (N, …).

    Args:
        gradient: (N, …).
        norm: of the step.
        unit: one unit of each feature, shaped like an input; 0 where it cannot change.
    """
    if norm == "linf":
        return gradient.sign() * unit
    return _unit_length(gradient * unit) * unit  # the gradient by the perturbation in units


def dual_length(gradient: Tensor, norm: Norm, unit: Tensor) -> Tensor:
    """Give by how much the steepest step of one unit increases a linear function: (N,)."""
    flat = (gradient * unit).flatten(1)
    return flat.abs().sum(1) if norm == "linf" else flat.norm(dim=1)


def _unit_length(scaled: Tensor) -> Tensor:
    flat, tiny = scaled.flatten(1), torch.finfo(scaled.dtype).tiny
    # by the largest entry first: the squares of a small gradient would vanish
    flat = flat / flat.abs().amax(1, keepdim=True).clamp_min(tiny)
    return (flat / flat.norm(dim=1, keepdim=True).clamp_min(tiny)).reshape(scaled.shape)
