import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.streams import Streams
from roadworthy.core.threat import Ball, Norm

S = TypeVar("S", bound="State")


class Reason(IntEnum):
    """How the attack on one sample ended."""

    ALREADY_WRONG = 0  # the model erred without being attacked
    SUCCESS = 1  # an adversarial input was found and verified
    BUDGET = 2  # the steps, passes or seconds were used up: the attack failed
    STALLED = 3  # the last step moved nothing: it failed, and more steps would not help
    MASKED_GRADIENT = 4  # no gradient ever pointed anywhere: nothing is known of robustness


@dataclass(frozen=True)
class State:
    """Where an attack stands: a struct of tensors whose first axis is samples.

    An attack that remembers more subclasses it and makes its own with `start`.

    Args:
        x: the candidates that the driver looks at next, (N, …).
        origin: the inputs under attack, (N, …).
        y: the class to leave, or to reach in a targeted attack, (N,).
        sign: 1 where the class is to be left, -1 where it is to be reached, (N,).
        low: smallest valid values, (N, …).
        high: largest valid values, (N, …).
        streams: each sample's random numbers.
    """

    x: Tensor
    origin: Tensor
    y: Tensor
    sign: Tensor
    low: Tensor
    high: Tensor
    streams: Streams

    def take(self: S, rows: Tensor) -> S:
        """Keep some rows of everything, by mask or index."""
        kept: dict[str, Any] = {}
        for part in dataclasses.fields(self):
            value = getattr(self, part.name)
            kept[part.name] = value.take(rows) if isinstance(value, Streams) else value[rows]
        return replace(self, **kept)

    def extended(self, kind: type[S], **more: Tensor) -> S:
        """Make an attack's own state out of this one and the tensors it adds."""
        parts = {part.name: getattr(self, part.name) for part in dataclasses.fields(self)}
        return kind(**parts | more)

    def box(self, x: Tensor) -> Tensor:
        """Clip candidates (N, …) to valid values."""
        return torch.minimum(torch.maximum(x, self.low), self.high)


class Look:
    """What the model says of the candidates: one forward pass that judging and stepping share."""

    def __init__(self, model: Model, x: Tensor, wants_gradient: bool) -> None:
        self._x = x.detach().requires_grad_(wants_gradient)
        with torch.set_grad_enabled(wants_gradient):
            self._outputs = model(self._x)
        self._rows = torch.arange(len(x), device=x.device)
        self.zero_gradient = torch.zeros(len(x), dtype=torch.bool, device=x.device)

    @property
    def logits(self) -> Tensor:
        """(N, K) logits of the candidates, without a graph."""
        return self._outputs.detach()[self._rows]

    def keep(self, rows: Tensor) -> None:
        """Show only some of the candidates from now on."""
        self._rows = self._rows[rows]
        self.zero_gradient = self.zero_gradient[rows]

    def gradient(self, loss: Callable[[Tensor], Tensor], again: bool = False) -> Tensor:
        """Differentiate a loss, logits (N, K) to (N,), by the candidates: (N, …).

        Args:
            loss: one number per sample.
            again: whether another gradient of this look follows.
        """
        total = loss(self._outputs[self._rows]).sum()
        (gradient,) = torch.autograd.grad(total, self._x, retain_graph=again)
        # one NaN would spoil the candidate for good; it points nowhere, so it counts as no gradient
        gradient = gradient[self._rows].nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
        self.zero_gradient = gradient.flatten(1).abs().amax(1) == 0
        return gradient


class EvasionAttack(ABC):
    """Makes inputs on which a model errs, within a threat model.

    A frozen dataclass whose fields are its hyper-parameters; it keeps no state and judges nothing.
    The driver, `run_attack`, looks at `state.x`, decides what succeeded, and asks for a step.
    A fixed-budget attack is held to the ball; a minimal one looks for the nearest error and is
    judged at every radius at once.
    """

    card: ClassVar[Card]
    threats: ClassVar[frozenset[Norm]]
    needs: ClassVar[Offer]
    is_minimal: ClassVar[bool] = False
    steps: int

    def start(self, model: Model, state: State, threat: Ball) -> State:
        """Make the first candidates; by default the inputs themselves."""
        return state

    @abstractmethod
    def step(self, model: Model, state: State, look: Look, threat: Ball) -> State:
        """Make the next candidates from what the model says of the last ones."""

    def __call__(
        self, model: Model, x: Tensor, y: Tensor, threat: Ball, *, seed: int = 0
    ) -> "AttackResult":
        """Run the attack with the driver's defaults: `run_attack` takes more options."""
        from roadworthy.core.driver import run_attack  # the driver knows attacks, not the reverse

        return run_attack(self, model, x, y, threat, seed=seed)


@dataclass(frozen=True, eq=False)
class AttackResult:
    """What an attack found; every success was verified at the end.

    Args:
        x: (N, …) adversarial inputs; the original where there is none.
        success: (N,) bool: an adversarial input was found, or the model erred anyway.
        distance: (N,) in the ball's units: 0 where already wrong, infinite where none was found.
        reason: (N,) a `Reason` each.
        forward: (N,) forward passes spent on each sample.
        backward: (N,) backward passes.
        zero_gradient: (N,) share of the steps whose gradient was exactly zero, or not a number.
    """

    x: Tensor
    success: Tensor
    distance: Tensor
    reason: Tensor
    forward: Tensor
    backward: Tensor
    zero_gradient: Tensor

    def robust_at(self, eps: Tensor) -> Tensor:
        """Give the share (E,) of samples on which no error was found within each radius (E,)."""
        return (self.distance[None] > eps[:, None]).to(torch.float64).mean(1)
