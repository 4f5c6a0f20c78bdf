from abc import abstractmethod
from dataclasses import replace

import torch
from torch import Tensor

from roadworthy.core.model import Model


class Behind(Model):
    """A model whose answers a guard changes, but not what it sees: all else is the model's own.

    Args:
        model: answers.
        name: of the guard, with what it learned; part of the fingerprint.
        shown: what stands before the model's name; empty leaves that name alone.
        notes: what the report should say of it.
    """

    def __init__(
        self, model: Model, name: str, shown: str = "", notes: tuple[str, ...] = ()
    ) -> None:
        spec = model.spec
        super().__init__(
            replace(
                spec,
                name=f"{shown}, {spec.name}" if shown else spec.name,
                fingerprint=f"{name} {spec.fingerprint}",
                notes=(*spec.notes, *notes),
            )
        )
        self.model = model
        self.passes_per_call = model.passes_per_call

    @abstractmethod
    def around(self, model: Model) -> "Behind":
        """Change another model's answers in the same way."""

    def features(self, x: Tensor) -> Tensor:
        return self.model.features(x)

    def without_obstacles(self) -> Model | None:
        inner = self.model.without_obstacles()
        return inner and self.around(inner)

    def move(self, device: torch.device) -> None:
        self.model.move(device)
