from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.core.shapes import per_sample

Norm = Literal["linf", "l2", "l1", "l0"]
NORMS: tuple[Norm, ...] = get_args(Norm)
ORDERS = {"linf": float("inf"), "l2": 2.0, "l1": 1.0, "l0": 0.0}


class Threat(ABC):
    """What an attacker may do: which changes are allowed, and how large each one is.

    A candidate is an input x (N, …) and, where the change has parameters of its own such as an
    angle, these as theta (N, P). The driver holds every candidate to the threat and judges it by
    `size`; an attack never does.
    """

    eps: float

    @property
    @abstractmethod
    def kind(self) -> str:
        """What attacks name in their `threats`."""

    @abstractmethod
    def size(self, origin: Tensor, x: Tensor, theta: Tensor) -> Tensor:
        """Measure changes, in the units of `eps`: (N,). Infinite where a change is not allowed."""

    @abstractmethod
    def hold(
        self, origin: Tensor, x: Tensor, theta: Tensor, is_bounded: bool
    ) -> tuple[Tensor, Tensor]:
        """Bring candidates to allowed ones, of size at most `eps` where that is a bound."""

    @abstractmethod
    def shorten(
        self, origin: Tensor, x: Tensor, theta: Tensor, share: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Give candidates of `share` (N,) of the size, that do the same otherwise."""

    def neutral(self, x: Tensor) -> Tensor:
        """Give the parameters (N, P) of no change."""
        return x.new_zeros(len(x), 0)

    def tighten(self, origin: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Narrow the box of valid values (N, …) to what a bounded change can reach."""
        return low, high

    def allows(self, size: Tensor) -> Tensor:
        """Say of sizes (N,) whether they are within the budget, up to rounding: (N,) bool."""
        return size <= self.eps * (1 + 1e-5) + 1e-7


@dataclass(frozen=True)
class Ball(Threat):
    """A threat model: inputs within a distance of the original.

    Args:
        norm: `linf`, `l2`, `l1` or `l0` (the number of features that changed).
        eps: radius, in units of `scale`; a number of features in L0.
        scale: one unit of each feature, such as its standard deviation; empty means 1 each.
        mutable: which features an attacker can change; empty means all.
    """

    norm: Norm
    eps: float
    scale: tuple[float, ...] = ()
    mutable: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if self.norm not in NORMS:
            raise InputError(f"the norm must be one of {', '.join(NORMS)}, not {self.norm!r}")
        if not 0 <= self.eps < float("inf"):
            raise InputError(f"eps must be a finite number from 0, not {self.eps!r}")

    @classmethod
    def of(cls, data: Dataset, norm: Norm, eps: float, immutable: Sequence[str] = ()) -> "Ball":
        """Make the ball of a dataset: of a table, numbers move by standard deviations.

        Args:
            data: says what a feature is.
            norm: of the change.
            eps: the budget.
            immutable: names of columns that cannot change.

        Raises:
            InputError: a table has no numbers that may change.
        """
        if data.kind == "image" or not data.features:
            return cls(norm, eps)
        mutable = tuple(
            feature.kind == "number" and feature.name not in immutable for feature in data.features
        )
        if not any(mutable):
            raise InputError(
                "the table has no numbers that may change, and small changes of categories are "
                "none: the threat model of tables, with rules of columns, is `table`"
            )
        return cls(norm, eps, tuple(feature.scale for feature in data.features), mutable)

    @property
    def kind(self) -> str:
        return self.norm

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
        if self.scale or self.mutable:
            delta = torch.where(delta == 0, delta, delta / self.unit(delta))
        flat = delta.flatten(1)
        if self.norm == "l0":
            moved = (flat != 0).sum(1).to(delta.dtype)
            return torch.where(flat.isinf().any(1), float("inf"), moved)
        length: Tensor = torch.linalg.vector_norm(flat, ORDERS[self.norm], dim=1)
        return length

    def project(self, delta: Tensor, eps: Tensor | None = None) -> Tensor:
        """Bring perturbations (N, …) back to at most `eps` (N,), by default the ball's own."""
        unit = self.unit(delta)
        radius = torch.full_like(delta.flatten(1)[:, 0], self.eps) if eps is None else eps
        if self.norm == "linf":
            reach = per_sample(radius, delta) * unit
            return torch.minimum(torch.maximum(delta, -reach), reach)
        units = torch.where(unit > 0, delta / unit, torch.zeros_like(delta)).flatten(1)
        held = {"l2": _shrink, "l1": _soft_threshold, "l0": _keep_largest}[self.norm](units, radius)
        return held.reshape(delta.shape) * unit

    def contains(self, delta: Tensor) -> Tensor:
        """Say of perturbations (N, …) whether they lie inside, up to rounding: (N,) bool."""
        return self.allows(self.distance(delta))

    def size(self, origin: Tensor, x: Tensor, theta: Tensor) -> Tensor:
        return self.distance(x - origin)

    def hold(
        self, origin: Tensor, x: Tensor, theta: Tensor, is_bounded: bool
    ) -> tuple[Tensor, Tensor]:
        if not is_bounded or self.norm == "linf":  # the box that `tighten` gave holds L-inf already
            return x, theta
        delta = self.project(x - origin)
        return not_beyond(origin, delta), theta

    def shorten(
        self, origin: Tensor, x: Tensor, theta: Tensor, share: Tensor
    ) -> tuple[Tensor, Tensor]:
        delta = x - origin
        return origin + self.project(delta, share * self.distance(delta)), theta

    def tighten(self, origin: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        if self.norm != "linf":
            return low, high
        reach = (self.eps * self.unit(origin)).expand_as(origin)
        nearest, farthest = not_beyond(origin, -reach), not_beyond(origin, reach)
        return torch.maximum(low, nearest), torch.minimum(high, farthest)


def not_beyond(origin: Tensor, delta: Tensor) -> Tensor:
    """Add a change that must not grow: rounding far from zero is taken back by one number."""
    x = origin + delta
    held: Tensor = torch.where((x - origin).abs() > delta.abs(), torch.nextafter(x, origin), x)
    return held


def _shrink(units: Tensor, radius: Tensor) -> Tensor:
    length = units.norm(dim=1)
    # a hair inside, so that rounding does not put the result outside again
    shrink: Tensor = (radius * (1 - 1e-6) / length.clamp_min(1e-30)).clamp_max(1)
    return units * shrink[:, None]


def _soft_threshold(units: Tensor, radius: Tensor) -> Tensor:
    """Project rows (N, D) on the L1 ball (Duchi et al. 2008, doi:10.1145/1390156.1390191)."""
    size = units.abs()
    descending = size.sort(1, descending=True).values
    excess = descending.cumsum(1) - radius[:, None]
    count = torch.arange(1, units.shape[1] + 1, device=units.device)
    kept = (descending * count > excess).sum(1, keepdim=True).clamp_min(1)
    threshold = (excess.gather(1, kept - 1) / kept).clamp_min(0)
    held: Tensor = units.sign() * (size - threshold).clamp_min(0)
    length = held.abs().sum(1)
    # the sums round: what is left beyond the radius is taken off in proportion
    return held * (radius * (1 - 1e-6) / length.clamp_min(1e-30)).clamp_max(1)[:, None]


def _keep_largest(units: Tensor, radius: Tensor) -> Tensor:
    order = units.abs().argsort(dim=1, descending=True, stable=True)
    rank = order.argsort(dim=1)
    return torch.where(rank < radius[:, None].floor(), units, torch.zeros_like(units))


class Transformation(Threat):
    """A threat model whose changes have a few parameters, such as an angle and a shift.

    A concrete one is a frozen dataclass with the budget `eps` and what bounds the parameters. An
    attack proposes theta; the input follows from it by `render`, so it cannot be anything else.
    `sized` names the parameters, by place, that make a change large: a light's strength does, its
    direction does not. By default all of them do.
    """

    card: ClassVar[Card]
    sized: ClassVar[tuple[int, ...] | None] = None
    eps: float = 1.0

    @property
    def kind(self) -> str:
        return self.card.name

    @abstractmethod
    def bounds(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give the lowest, the neutral and the highest value of each parameter: 3 times (P,)."""

    @abstractmethod
    def render(self, x: Tensor, theta: Tensor) -> Tensor:
        """Change inputs (N, …) by parameters (N, P); differentiable by both where it can be."""

    def measure(self, x: Tensor, theta: Tensor) -> Tensor:
        """Give the size (N,): by default the largest share of any sized parameter's range."""
        low, neutral, high = self.bounds(x)
        away = theta - neutral
        reach = torch.where(away < 0, neutral - low, high - neutral)
        share = torch.where(away == 0, away, away.abs() / reach)
        return share[:, self.is_sized(theta)].amax(1)

    def is_sized(self, like: Tensor) -> Tensor:
        """Say of each parameter whether it makes a change larger: (P,) bool."""
        if self.sized is None:
            return torch.ones(like.shape[-1], dtype=torch.bool, device=like.device)
        place = torch.arange(like.shape[-1], device=like.device)
        return torch.isin(place, torch.tensor(self.sized, device=like.device))

    def neutral(self, x: Tensor) -> Tensor:
        return self.bounds(x)[1].expand(len(x), -1).clone()

    def reach(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give the lowest and highest parameters within `eps`: 2 times (P,)."""
        low, neutral, high = self.bounds(x)
        share = torch.where(self.is_sized(low), min(self.eps, 1.0), 1.0).to(low)
        return neutral.lerp(low, share), neutral.lerp(high, share)  # exact at both ends

    def size(self, origin: Tensor, x: Tensor, theta: Tensor) -> Tensor:
        return self.measure(origin, theta)

    def hold(
        self, origin: Tensor, x: Tensor, theta: Tensor, is_bounded: bool
    ) -> tuple[Tensor, Tensor]:
        if is_bounded:
            low, high = self.reach(origin)
        else:
            low, _, high = self.bounds(origin)
        theta = torch.minimum(torch.maximum(theta, low), high)
        return self.render(origin, theta), theta

    def shorten(
        self, origin: Tensor, x: Tensor, theta: Tensor, share: Tensor
    ) -> tuple[Tensor, Tensor]:
        neutral = self.neutral(origin)
        shorter = neutral + share[:, None] * (theta - neutral)
        theta = torch.where(self.is_sized(theta), shorter, theta)
        return self.render(origin, theta), theta
