from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.model import Model, Offer
from roadworthy.core.progress import Progress, Silent, piece

Learned = Mapping[str, Tensor]
# what the model behind a guard knows is not true of the guarded one
NOT_THROUGH = frozenset({Offer.TREES, Offer.UNCERTAINTY})


@dataclass(frozen=True)
class Guard(ABC):
    """Wraps a trained model; its fields are its settings.

    A guard that changes inputs declares it as an `InputStep`, so that every attack is adaptive.
    """

    card: ClassVar[Card]
    tasks: ClassVar[frozenset[Task]] = frozenset({Task.NOMINAL, Task.ORDINAL})
    kinds: ClassVar[frozenset[str]] = frozenset({"image", "tabular"})

    def learn(
        self, model: Model, data: Dataset, rows: Split, seed: int, progress: Progress
    ) -> Learned:
        """Learn what it needs from training rows; nothing by default. No test row is looked at.

        Raises:
            InputError: the settings do not suit the data.
        """
        return {}

    @abstractmethod
    def wrap(self, model: Model, learned: Learned) -> Model:
        """Give the guarded model."""


class Guarding(Model):
    """A model behind a guard: it can be trained again with it, and saved.

    Args:
        inner: the model that is guarded.
        guard: wraps it.
        learned: what the guard learned for it.
        data: to learn from again.
    """

    def __init__(self, inner: Model, guard: Guard, learned: Learned, data: Dataset) -> None:
        wrapped = guard.wrap(inner, learned)
        super().__init__(
            replace(
                wrapped.spec,
                offers=wrapped.spec.offers - NOT_THROUGH,
                fingerprint=fingerprint(wrapped.spec.fingerprint, repr(guard), dict(learned)),
            )
        )
        self.inner, self.guard, self.learned, self.data = inner, guard, learned, data
        self.wrapped = wrapped
        self.passes_per_call = wrapped.passes_per_call

    def forward(self, x: Tensor) -> Tensor:
        return self.wrapped.forward(x)

    def features(self, x: Tensor) -> Tensor:
        return self.wrapped.features(x)

    def without_obstacles(self) -> Model | None:
        return self.wrapped.without_obstacles()

    def undefended(self) -> Model:
        return self.inner.undefended() or self.inner

    def move(self, device: torch.device) -> None:
        self.wrapped.move(device)

    def refit(self, rows: Split, seed: int) -> Model:
        return protect(self.inner.refit(rows, seed), self.guard, self.data, rows, seed)


def protect(
    model: Model,
    guard: Guard,
    data: Dataset,
    rows: Split | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Guarding:
    """Let a guard learn what it needs, and put it before the model.

    Args:
        model: to be guarded.
        guard: wraps it.
        data: says what inputs and classes are.
        rows: to learn from; the training split by default.
        seed: of what it draws.
        progress: where to say how far it is.

    Raises:
        InputError: the guard does not know this task or kind of input.
    """
    if data.task not in guard.tasks or data.kind not in guard.kinds:
        kinds, tasks = " and ".join(sorted(guard.kinds)), ", ".join(sorted(guard.tasks))
        raise InputError(
            f"{guard.card.name} guards models of {kinds} inputs in {tasks} tasks, but {data.name} "
            f"is {data.kind} in a {data.task} task"
        )
    told = progress or Silent()
    with piece(told, f"Fitting {guard.card.name}", 0.0):
        learned = guard.learn(model, data, data.train if rows is None else rows, seed, told)
    return Guarding(model, guard, learned, data)
