from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from roadworthy.core.errors import InputError
from roadworthy.core.shapes import per_sample

Norm = Literal["linf", "l2"]


@dataclass(frozen=True)
class Ball:
    """A threat model: inputs within a distance of the original.

    Args:
        norm: `linf` or `l2`.
        eps: radius, in units of `scale`.
        scale: one unit of each feature, such as its standard deviation; empty means 1 each.
        mutable: which features an attacker can change; empty means all.
    """

    norm: Norm
    eps: float
    scale: tuple[float, ...] = ()
    mutable: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if self.norm not in get_args(Norm):
            raise InputError(f"the norm must be {' or '.join(get_args(Norm))}, not {self.norm!r}")
        if not 0 <= self.eps < float("inf"):
            raise InputError(f"eps must be a finite number from 0, not {self.eps!r}")

    def unit(self, like: Tensor) -> Tensor:
        """Give one unit of each feature, 0 where it cannot be changed, shaped like an input."""
        unit = torch.ones(like.shape[1:], dtype=like.dtype, device=like.device)
        if self.scale:
            unit = unit * torch.tensor(self.scale, dtype=like.dtype, device=like.device)
        if self.mutable:
            unit = unit * torch.tensor(self.mutable, dtype=like.dtype, device=like.device)
        return unit

    def distance(self, delta: Tensor) -> Tensor:
        """Measure perturbations (N, …) in units: (N,). Infinite where a fixed feature moved."""
        unit = self.unit(delta)
        units = torch.where(delta == 0, delta, delta / unit).flatten(1)
        return units.abs().amax(1) if self.norm == "linf" else units.norm(dim=1)

    def project(self, delta: Tensor, eps: Tensor | None = None) -> Tensor:
        """Bring perturbations (N, …) back to at most `eps` (N,), by default the ball's own."""
        unit = self.unit(delta)
        radius = torch.full_like(delta.flatten(1)[:, 0], self.eps) if eps is None else eps
        radius = per_sample(radius, delta)
        if self.norm == "linf":
            return torch.minimum(torch.maximum(delta, -radius * unit), radius * unit)
        units = torch.where(unit > 0, delta / unit, torch.zeros_like(delta))
        length = units.flatten(1).norm(dim=1).reshape(radius.shape)
        # a hair inside, so that rounding does not put the result outside again
        shrink = torch.clamp(radius * (1 - 1e-6) / length.clamp_min(1e-30), max=1)
        return units * shrink * unit

    def contains(self, delta: Tensor) -> Tensor:
        """Say of perturbations (N, …) whether they lie inside, up to rounding: (N,) bool."""
        return self.distance(delta) <= self.eps * (1 + 1e-5) + 1e-7
