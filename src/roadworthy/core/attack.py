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
from roadworthy.core.threat import Threat

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

    An attack that remembers more subclasses it and makes its own with `start`; what it adds are
    tensors, or have `take` themselves.

    Args:
        x: the candidates that the driver looks at next, (N, …).
        origin: the inputs under attack, (N, …).
        y: the class to leave, or to reach in a targeted attack, (N,).
        sign: 1 where the class is to be left, -1 where it is to be reached, (N,).
        low: smallest valid values, (N, …).
        high: largest valid values, (N, …).
        streams: each sample's random numbers.
        theta: the change's own parameters, (N, P); none in a ball.
        finished: the attack is done with the sample, whatever it found, (N,) bool.
        copy: which of the attack's runs side by side it is, from 0, (N,).
        guide: another input per sample, of the target's class or of a wrong one, (N, …).
    """

    x: Tensor
    origin: Tensor
    y: Tensor
    sign: Tensor
    low: Tensor
    high: Tensor
    streams: Streams
    theta: Tensor
    finished: Tensor
    copy: Tensor
    guide: Tensor | None

    def take(self: S, rows: Tensor) -> S:
        """Keep some rows of everything, by mask or index."""
        kept: dict[str, Any] = {}
        for part in dataclasses.fields(self):
            value = getattr(self, part.name)
            if value is not None:
                kept[part.name] = value[rows] if isinstance(value, Tensor) else value.take(rows)
        return replace(self, **kept)

    @property
    def is_targeted(self) -> bool:
        """Whether a class is to be reached; it is the same for all samples of a run."""
        return bool((self.sign < 0).any())

    def extended(self, kind: type[S], **more: Any) -> S:
        """Make an attack's own state out of this one and the tensors it adds."""
        parts = {part.name: getattr(self, part.name) for part in dataclasses.fields(self)}
        return kind(**parts | more)

    def box(self, x: Tensor) -> Tensor:
        """Clip candidates (N, …) to valid values."""
        return torch.minimum(torch.maximum(x, self.low), self.high)


class Look:
    """What the model says of the candidates: one forward pass that judging and stepping share.

    Args:
        model: is asked.
        x: candidates, (N, …).
        wants_gradient: a gradient will be asked for.
        step: how many steps were made before.
    """

    def __init__(self, model: Model, x: Tensor, wants_gradient: bool, step: int = 0) -> None:
        self.step = step
        self._x = x.detach().requires_grad_(wants_gradient)
        with torch.set_grad_enabled(wants_gradient):
            self._outputs = model(self._x)
        self._rows: Tensor | None = None  # all of them
        self.gradients = 0  # how many were asked for; each goes through all candidates
        self.zero_gradient = torch.zeros(len(x), dtype=torch.bool, device=x.device)

    def _shown(self, values: Tensor) -> Tensor:
        return values if self._rows is None else values[self._rows]

    @property
    def logits(self) -> Tensor:
        """(N, K) logits of the candidates, without a graph."""
        return self._shown(self._outputs.detach())

    def keep(self, rows: Tensor) -> None:
        """Show only some of the candidates from now on, by index."""
        self._rows = rows if self._rows is None else self._rows[rows]
        self.zero_gradient = self.zero_gradient[rows]

    def gradient(self, loss: Callable[[Tensor], Tensor], again: bool = False) -> Tensor:
        """Differentiate a loss, logits (N, K) to (N,), by the candidates: (N, …).

        Args:
            loss: one number per sample.
            again: whether another gradient of this look follows.
        """
        self.gradients += 1
        total = loss(self._shown(self._outputs)).sum()
        (gradient,) = torch.autograd.grad(total, self._x, retain_graph=again)
        # one NaN would spoil the candidate for good; it points nowhere, so it counts as no gradient
        gradient = self._shown(gradient).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)
        self.zero_gradient = gradient.flatten(1).abs().amax(1) == 0
        return gradient


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """Give by how much classes y (N,) lead the best other ones in logits (N, K): (N,)."""
    own = logits.gather(1, y[:, None])[:, 0]
    return own - logits.scatter(1, y[:, None], float("-inf")).amax(1)


class EvasionAttack(ABC):
    """Makes inputs on which a model errs, within a threat model.

    A frozen dataclass whose fields are its hyper-parameters; it keeps no state and judges nothing.
    The driver, `run_attack`, looks at `state.x`, decides what succeeded, and asks for a step.

    A class says what it is:

    - `threats`: the kinds of threat model it knows; `needs`: what it takes of the model.
    - `is_minimal`: it looks for the nearest error and is judged at every radius at once; otherwise
      it is held to the budget. `ends_at_success`: the first error ends it; a minimal attack that
      goes on afterwards sets it to False.
    - `is_universal`: one change serves all samples, so none leaves the batch.
    - `is_targetable`: it can be told which class to reach.
    - `takes_images_only`: inputs must be (N, C, H, W). `takes_guide`: it needs other inputs.
    - `expected_failures`: promises of the contract tests that the method cannot keep, with why.
    """

    card: ClassVar[Card]
    threats: ClassVar[frozenset[str]]
    needs: ClassVar[frozenset[Offer]]
    is_minimal: ClassVar[bool] = False
    ends_at_success: ClassVar[bool] = True
    is_universal: ClassVar[bool] = False
    is_targetable: ClassVar[bool] = True
    takes_images_only: ClassVar[bool] = False
    takes_guide: ClassVar[bool] = False
    expected_failures: ClassVar[dict[str, str]] = {}
    steps: int

    def start(self, model: Model, state: State, threat: Any) -> State:
        """Make the first candidates; by default the inputs themselves."""
        return state

    @abstractmethod
    def step(self, model: Model, state: Any, look: Look, threat: Any) -> State:
        """Make the next candidates from what the model says of the last ones."""

    def copies(self, is_targeted: bool) -> int:
        """Say how many runs of each sample go side by side; `State.copy` tells them apart.

        They share what a sample may use, so with little of it there are fewer of them; where one
        error is enough, the first ends them all.
        """
        return 1

    def passes_ahead(self, step: int) -> int:
        """Say how many passes per sample the next step may take, its look included."""
        return 1 + (Offer.GRADIENTS in self.needs)

    def __call__(
        self, model: Model, x: Tensor, y: Tensor, threat: Threat, *, seed: int = 0
    ) -> "AttackResult":
        """Run the attack with the driver's defaults: `run_attack` takes more options."""
        from roadworthy.core.driver import run_attack  # the driver knows attacks, not the reverse

        return run_attack(self, model, x, y, threat, seed=seed)


class Composite(EvasionAttack):
    """An attack made of others, tried one after the other on the samples that are left.

    With `is_minimal` or `keeps_best` every part sees every sample, and the nearest or the most
    confident error counts. Without `is_minimal` a part that looks for the nearest error is held to
    the budget, and done at the first error within it.
    """

    keeps_best: ClassVar[bool] = False
    steps = 0

    @abstractmethod
    def parts(self, model: Model, y: Tensor, threat: Threat) -> "tuple[Part, ...]":
        """List the attacks to run."""

    def step(self, model: Model, state: Any, look: Look, threat: Any) -> State:
        raise AssertionError("the driver runs the parts, not the whole")


@dataclass(frozen=True, eq=False)
class Part:
    """One attack of a composite.

    Args:
        attack: what to run.
        target: (N,) classes to reach; None means what the composite was asked for.
    """

    attack: EvasionAttack
    target: Tensor | None = None


@dataclass(frozen=True, eq=False)
class AttackResult:
    """What an attack found; every success was verified at the end.

    Args:
        x: (N, …) adversarial inputs; the original where there is none.
        success: (N,) bool: an adversarial input was found, or the model erred anyway.
        distance: (N,) in the threat's units: 0 where already wrong, infinite where none was found.
        reason: (N,) a `Reason` each.
        forward: (N,) forward passes spent on each sample; a surrogate's are not among them.
        backward: (N,) backward passes.
        zero_gradient: (N,) share of the steps whose gradient was exactly zero, or not a number.
        clean_margin: (N,) by how much the attacker's aim led the other classes at the start, in
            logits: negative where the model was right.
        margin: (N,) the same at its best along the way: positive where an error was found.
        theta: (N, P) parameters of the change, where it has some.
    """

    x: Tensor
    success: Tensor
    distance: Tensor
    reason: Tensor
    forward: Tensor
    backward: Tensor
    zero_gradient: Tensor
    clean_margin: Tensor
    margin: Tensor
    theta: Tensor

    def robust_at(self, eps: Tensor) -> Tensor:
        """Give the share (E,) of samples on which no error was found within each radius (E,)."""
        return (self.distance[None] > eps[:, None]).to(torch.float64).mean(1)

    def take(self, rows: Tensor) -> "AttackResult":
        """Keep some samples, by mask or index."""
        return AttackResult(
            **{part.name: getattr(self, part.name)[rows] for part in dataclasses.fields(self)}
        )
