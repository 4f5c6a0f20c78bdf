from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss, one_hot

from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError
from roadworthy.networks import Part


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
    """

    x: Tensor
    y: Tensor
    targets: Tensor
    rows: Tensor
    progress: float
    weights: Tensor | None = None

    def loss(self, outputs: Tensor, reduction: str = "mean") -> Tensor:
        """Give the cross-entropy or squared error of outputs (N, K): a mean, or (N,)."""
        alike = reduction if self.weights is None else "none"
        if self.y.is_floating_point():
            loss = mse_loss(outputs, self.targets, reduction=alike).squeeze(-1)
        else:
            loss = cross_entropy(outputs, self.targets, reduction=alike)
        if self.weights is None:
            return loss
        weighted = self.weights * loss
        return weighted.mean() if reduction == "mean" else weighted


# the parts that one strategy alone can set
WORDS = {
    "parts": "what the network is made of",
    "schedule": "how long and how fast",
    "soften": "what becomes of the targets",
    "weights": "how much each row counts",
    "objective": "the loss of a batch",
    "descend": "how the loss becomes gradients",
}

Augment = Callable[[Tensor], Tensor]  # inputs (N, …) to inputs of the same shape
Soften = Callable[[Tensor, Tensor], Tensor]  # probabilities (N, K) and rows (N,) to probabilities
Objective = Callable[[nn.Module, Batch], Tensor]  # to the number that is made small
Descend = Callable[[nn.Module, Callable[[], Tensor]], Tensor]  # puts gradients, gives the loss
Watch = Callable[[nn.Module], None]  # looks at the network after an epoch, and leaves it as it is


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

    `augment` and `penalties` take any number of entries; every other part has one writer.

    Args:
        data: says what the columns and classes are, and what inputs are valid.
        rows: the rows to train on.
        parts: what the network is made of; the first one measures the inputs.
        schedule: how long and how fast.
        seed: of every random number.
        augment: changes of the inputs, one after the other, at each step anew.
        soften: what becomes of the targets.
        weights: (M,) of the rows to train on, around 1; None weighs them alike.
        objective: the loss of a batch.
        penalties: added to it.
        descend: how a loss becomes gradients of the weights.
        writers: which strategy set a part.
        watch: looks on after each epoch.
    """

    data: Dataset
    rows: Split
    parts: tuple[Part, ...]
    schedule: Schedule
    seed: int
    augment: tuple[Augment, ...] = ()
    soften: Soften | None = None
    weights: Tensor | None = None
    objective: Objective = plain_loss
    penalties: tuple[Objective, ...] = ()
    descend: Descend = backward
    writers: Mapping[str, str] = field(default_factory=dict)
    watch: Watch | None = None

    def set(self, writer: str, **parts: Any) -> "TrainPlan":
        """Set parts that can have one writer only.

        Raises:
            InputError: another strategy has set one of them.
        """
        for part in parts:
            if part in self.writers:
                raise InputError(
                    f"{writer} and {self.writers[part]} both set the {part} of the training "
                    f"({WORDS[part]}): choose one of them; it goes together with any guard, and "
                    "with strategies that change something else"
                )
        return replace(self, writers={**self.writers, **dict.fromkeys(parts, writer)}, **parts)

    def add(
        self, *, augment: tuple[Augment, ...] = (), penalties: tuple[Objective, ...] = ()
    ) -> "TrainPlan":
        """Add changes of inputs, and penalties."""
        return replace(
            self, augment=(*self.augment, *augment), penalties=(*self.penalties, *penalties)
        )

    def keep(self, writer: str, is_kept: Tensor) -> "TrainPlan":
        """Train on some of the rows only, by mask (M,).

        Raises:
            InputError: what softens the targets was made for the rows that there were.
        """
        if "soften" in self.writers:
            raise InputError(
                f"{writer} leaves rows out that {self.writers['soften']} has seen: name it first"
            )
        weights = None if self.weights is None else self.weights[is_kept]
        return replace(self, rows=self.rows.take(is_kept), weights=weights)

    def batch(self, x: Tensor, y: Tensor, rows: Tensor, progress: float) -> Batch:
        """Make what a step learns from of inputs (N, …) and classes or numbers (N,)."""
        for change in self.augment:
            x = change(x)
        targets = y
        if self.soften is not None:
            with torch.no_grad():
                targets = self.soften(one_hot(y, len(self.data.classes)).to(x.dtype), rows)
        weights = None if self.weights is None else self.weights[rows]
        return Batch(x, y, targets, rows, progress, weights)

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Give the objective and its penalties."""
        total = self.objective(network, batch)
        for penalty in self.penalties:
            total = total + penalty(network, batch)
        return total
