from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError
from roadworthy.networks import NETWORKS, Part
from roadworthy.networks.head import Head


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Args:
        epochs: at most so many times over the rows.
        batch: rows per step.
        rate: of Adam at the start; it falls to 0 along half a cosine.
        decay: weight decay, decoupled from the rate (AdamW).
    """

    epochs: int
    batch: int
    rate: float
    decay: float


@dataclass(frozen=True)
class Machine:
    """Where a training runs, and where it is kept in case that it is stopped.

    Args:
        device: `cpu`, `cuda`, `mps`, or `auto` for the best one there is.
        devices: how many of them; see `Crew`.
        precision: `32-true`, or `bf16-mixed` to multiply in 16 bits where that is safe.
        folder: for checkpoints after each epoch; None keeps none.
    """

    device: str = "cpu"
    devices: int = 1
    precision: str = "32-true"
    folder: Path | None = None

    @property
    def gpus(self) -> list[int]:
        """Numbers of the GPUs whose random numbers a training in this process uses."""
        has_one = self.device != "cpu" and torch.cuda.is_available()
        return [torch.cuda.current_device()] if has_one else []

    def inside(self, name: str) -> "Machine":
        """Give the machine for a training that is a part of this one."""
        return self if self.folder is None else replace(self, folder=self.folder / name)


Criterion = Callable[[Tensor, Tensor], Tensor]  # raw outputs (N, R) and targets to losses (N,)


def class_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Give the cross-entropy (N,) of logits (N, K) from classes (N,) or probabilities (N, K)."""
    return cross_entropy(logits, targets, reduction="none")


@dataclass(frozen=True, eq=False)
class Batch:
    """What one step learns from.

    Args:
        x: (N, …) inputs, augmented.
        y: (N,) classes; of a regression (N, 1) standardized numbers.
        targets: (N, K) probabilities where something softens them, else `y`.
        rows: (N,) their places among the rows that are trained on.
        progress: share of the training that is done, in [0, 1).
        weights: (N,) of the rows, around 1; None weighs them alike.
        criterion: the loss of outputs by the targets.
        unlabelled: (U, …) inputs without targets, as they are.
        average: the network with an average of its weights so far, where the plan has one.
        beside: the networks beside it, by name.
    """

    x: Tensor
    y: Tensor
    targets: Tensor
    rows: Tensor
    progress: float
    weights: Tensor | None = None
    criterion: Criterion = class_loss
    unlabelled: Tensor | None = None
    average: nn.Module | None = None
    beside: Mapping[str, nn.Module] = field(default_factory=dict)

    def loss(self, outputs: Tensor, reduction: str = "mean") -> Tensor:
        """Give the loss of raw outputs (N, R): a mean, a sum, or (N,)."""
        losses = self.criterion(outputs, self.targets)
        if self.weights is not None:
            losses = self.weights * losses
        if reduction == "none":
            return losses
        return losses.mean() if reduction == "mean" else losses.sum()


# the parts that one strategy alone can set
WORDS = {
    "parts": "what the network is made of",
    "head": "what its last part is, and the loss",
    "schedule": "how long and how fast",
    "start": "the weights that it starts with",
    "rates": "which weights learn how fast",
    "ratio": "what it learns of rows without targets",
    "order": "which rows a step sees together",
    "average": "which average of its weights is kept",
    "soften": "what becomes of the targets",
    "weights": "how much each row counts",
    "objective": "the loss of a batch",
    "descend": "how the loss becomes gradients",
}

Augment = Callable[[Tensor], Tensor]  # inputs (N, …) to inputs of the same shape
Soften = Callable[[Tensor, Tensor], Tensor]  # probabilities (N, K) and rows (N,) to probabilities
Objective = Callable[[nn.Module, Batch], Tensor]  # to the number that is made small
Descend = Callable[[nn.Module, Callable[[], Tensor]], Tensor]  # puts gradients, gives the loss
Order = Callable[[Tensor], Tensor]  # rows (M,) in random order to another order of them
Watch = Callable[[nn.Module], None]  # looks at the network after an epoch, and leaves it as it is
Beside = Callable[[nn.Sequential], nn.Module]  # makes a network that is trained along with it
After = Callable[[nn.Module, Batch], None]  # after a step, changes a network beside


@dataclass(frozen=True, eq=False)
class Rate:
    """Weights that learn at a rate of their own.

    Args:
        weights: of the network.
        factor: progress in [0, 1) to what the plan's rate is multiplied by; 0 leaves them alone.
    """

    weights: tuple[nn.Parameter, ...]
    factor: Callable[[float], float]


def plain_loss(network: nn.Module, batch: Batch) -> Tensor:
    """Give the mean loss of the batch as it is."""
    return batch.loss(network(batch.x))


def backward(network: nn.Module, loss: Callable[[], Tensor]) -> Tensor:
    """Put the gradients of a loss where the weights are."""
    value = loss()
    value.backward()
    return value.detach()


@dataclass(frozen=True, eq=False)
class TrainPlan:
    """What will be trained, on what, by which loss.

    `augment`, `penalties`, `beside` and `after` take any number of entries; every other part has
    one writer.

    Args:
        data: says what the columns and classes are, and what inputs are valid.
        rows: the rows to train on.
        parts: what the network is made of; the first one measures the inputs.
        schedule: how long and how fast.
        seed: of every random number.
        unlabelled: rows whose targets are not known; None where there are none.
        augment: changes of the inputs, one after the other, at each step anew.
        soften: what becomes of the targets.
        weights: (M,) of the rows to train on, around 1; None weighs them alike.
        objective: the loss of a batch.
        penalties: added to it.
        descend: how a loss becomes gradients of the weights.
        start: weights by name to start with, in place of random ones; others stay random.
        rates: which weights learn how fast; None lets all learn alike.
        ratio: rows without targets per row of a step, 0 to 100.
        order: in which order the rows of an epoch come; None leaves it to chance.
        average: decay per step of a running average of the weights, which is what is kept in the
            end; None keeps the last weights.
        beside: networks that are trained along and left behind, by name.
        after: what is done after each step.
        cost: rows that pass the network per row of a step, where a plain training has 1.
        spent: rows that passed a network before, in trainings that strategies made.
        passes: rows that may pass the network in all; None where nobody said so.
        writers: which strategy set a part.
        watch: looks on after each epoch.
        machine: where it runs.
    """

    data: Dataset
    rows: Split
    parts: tuple[Part, ...]
    schedule: Schedule
    seed: int
    unlabelled: Split | None = None
    augment: tuple[Augment, ...] = ()
    soften: Soften | None = None
    weights: Tensor | None = None
    objective: Objective = plain_loss
    penalties: tuple[Objective, ...] = ()
    descend: Descend = backward
    start: Mapping[str, Tensor] = field(default_factory=dict)
    rates: Callable[[nn.Sequential], tuple[Rate, ...]] | None = None
    ratio: int = 0
    order: Order | None = None
    average: float | None = None
    beside: Mapping[str, Beside] = field(default_factory=dict)
    after: tuple[After, ...] = ()
    cost: float = 1.0
    spent: int = 0
    passes: int | None = None
    writers: Mapping[str, str] = field(default_factory=dict)
    watch: Watch | None = None
    machine: Machine = Machine()

    @property
    def steps(self) -> int:
        """How many steps there are in all."""
        return self.schedule.epochs * -(-len(self.rows) // self.schedule.batch)

    def set(self, writer: str, **parts: Any) -> "TrainPlan":
        """Set parts that can have one writer only.

        Raises:
            InputError: another strategy has set one of them.
        """
        for part in parts:
            self._claim(writer, part)
        return replace(self, writers={**self.writers, **dict.fromkeys(parts, writer)}, **parts)

    def _claim(self, writer: str, part: str) -> None:
        if part in self.writers:
            raise InputError(
                f"{writer} and {self.writers[part]} both set the {part} of the training "
                f"({WORDS[part]}): choose one of them; it goes together with any guard, and "
                "with strategies that change something else"
            )

    def with_head(self, writer: str, outputs: int, head: Part) -> "TrainPlan":
        """Let the network end in another head, whose raw outputs are so many numbers.

        It takes the place of the head that the recipe gave it, if there is one.

        Raises:
            InputError: another strategy has chosen the head.
        """
        self._claim(writer, "head")
        parts = [
            replace(part, settings={**part.settings, "outputs": outputs})
            if "outputs" in part.settings
            else part
            for part in self.parts
            if not issubclass(NETWORKS[part.name], Head)
        ]
        writers = {**self.writers, "head": writer}
        return replace(self, parts=(*parts, head), writers=writers)

    def lasting(self, passes: int) -> "TrainPlan":
        """Give the plan with as many epochs as let so many rows pass the network, and at least one.

        What strategies spent before and spend at each step counts.
        """
        rows = len(self.rows)
        epochs = max(1, round((passes - self.spent) / (rows * self.cost)))
        schedule = replace(self.schedule, epochs=epochs, batch=min(self.schedule.batch, rows))
        return replace(self, schedule=schedule, passes=passes)

    def within(self, name: str, seed: int) -> "TrainPlan":
        """Give the plan of a training that is a part of this one, with a seed of its own."""
        return replace(self, seed=seed, machine=self.machine.inside(name))

    def add(
        self,
        *,
        augment: tuple[Augment, ...] = (),
        penalties: tuple[Objective, ...] = (),
        beside: Mapping[str, Beside] | None = None,
        after: tuple[After, ...] = (),
        cost: float = 0.0,
        spent: int = 0,
    ) -> "TrainPlan":
        """Add changes of inputs, penalties, networks beside, what follows a step, and work."""
        return replace(
            self,
            augment=(*self.augment, *augment),
            penalties=(*self.penalties, *penalties),
            beside={**self.beside, **(beside or {})},
            after=(*self.after, *after),
            cost=self.cost + cost,
            spent=self.spent + spent,
        )

    def keep(self, writer: str, is_kept: Tensor) -> "TrainPlan":
        """Train on some of the rows only, by mask (M,).

        Raises:
            InputError: another strategy was made for the rows that there were.
        """
        self._check_rows_are_free(f"{writer} leaves rows out that", "has seen")
        weights = None if self.weights is None else self.weights[is_kept]
        return replace(self, rows=self.rows.take(is_kept), weights=weights)

    def _check_rows_are_free(self, change: str, why: str) -> None:
        """Refuse a change of the rows after a strategy that may look them up by their places."""
        for part in ("soften", "objective"):
            if part in self.writers:
                raise InputError(f"{change} {self.writers[part]} {why}: name it first")

    def pool(self, writer: str) -> Split:
        """Give the rows without targets.

        Raises:
            InputError: there are none.
        """
        if self.unlabelled is None or not len(self.unlabelled):
            raise InputError(
                f"{writer} learns from rows without a target too, and there are none: leave the "
                "target of such rows empty"
            )
        return self.unlabelled

    def adopt(self, writer: str, y: Tensor, weights: Tensor) -> "TrainPlan":
        """Train on rows without targets too, as if guesses were their targets.

        Args:
            writer: guessed.
            y: (U,) guessed classes.
            weights: (U,) how much each such row counts, where a row with a target counts 1; rows of
                weight 0 stay without a target.

        Raises:
            InputError: there are no such rows, or another strategy was made for the rows that there
                were.
        """
        pool = self.pool(writer)
        self._check_rows_are_free(f"{writer} adds rows that", "has not seen")
        is_taken = weights > 0
        guessed = replace(pool, y=y.to(self.rows.y.dtype)).take(is_taken)
        known = torch.ones(len(self.rows)) if self.weights is None else self.weights
        return replace(
            self,
            rows=Split.together(self.rows.name, self.rows, guessed),
            unlabelled=pool.take(~is_taken),
            weights=torch.cat([known, weights[is_taken].to(known.dtype)]),
        )

    def batch(self, x: Tensor, y: Tensor, rows: Tensor, progress: float, **more: Any) -> Batch:
        """Make what a step learns from of inputs (N, …) and targets (N, …).

        Args:
            x: (N, …) inputs as they are.
            y: (N,) classes, or (N, 1) standardized numbers.
            rows: (N,) their places among the rows that are trained on.
            progress: share of the training that is done.
            more: other fields of the batch.
        """
        for change in self.augment:
            x = change(x)
        targets = y
        if self.soften is not None:
            with torch.no_grad():
                # what strategies know of rows stays with the rows
                chosen = one_hot(y.cpu(), len(self.data.classes)).float()
                targets = self.soften(chosen, rows).to(y.device)
        weights = None if self.weights is None else self.weights[rows].to(y.device)
        return Batch(x, y, targets, rows, progress, weights, **more)

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Give the objective and its penalties."""
        total = self.objective(network, batch)
        for penalty in self.penalties:
            total = total + penalty(network, batch)
        return total
