from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import final

import torch
from torch import Tensor

from roadworthy.core.dataset import Split, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.tree_ensemble import TreeEnsemble


class Offer(StrEnum):
    """What a model lets others see or do."""

    LABELS = "labels"  # the most likely class
    SCORES = "scores"  # graded outputs, so that candidates can be compared
    GRADIENTS = "gradients"  # exact derivatives of the outputs by the input
    EMBEDDINGS = "embeddings"  # a vector per input, from inside the model
    REFIT = "refit"  # the same training on other rows
    TREES = "trees"  # its decision trees, node by node
    UNCERTAINTY = "uncertainty"  # how sure it is of its own answer, differentiable


@dataclass(frozen=True)
class ModelSpec:
    """What is known of a model without running it.

    Args:
        name: what the report calls it.
        task: what its outputs are for.
        input_shape: shape of one input, without the batch axis.
        outputs: number of classes, or 1 for regression.
        offers: what it lets others see or do.
        fingerprint: hash of weights and architecture, or of what stands for them.
        parameters: number of learned numbers; None when it cannot be known.
        size: bytes they take; None when it cannot be known.
        stochastic: two calls on one input may differ.
        obstacles: names of steps without a useful derivative, such as `jpeg`.
        notes: what the adapter changed or guessed, sentences for the report.
    """

    name: str
    task: Task
    input_shape: tuple[int, ...]
    outputs: int
    offers: frozenset[Offer]
    fingerprint: str
    parameters: int | None = None
    size: int | None = None
    stochastic: bool = False
    obstacles: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass
class PassCount:
    """How many samples went through a model; counted here and nowhere else."""

    forward: int = 0
    backward: int = 0


class Model(ABC):
    """Maps inputs to outputs; whatever made it, everything above sees only this.

    An adapter fills in `forward`, and `features`, `trees` and `refit` where it offers them.
    Calling a model gives (N, K) logits, or (N,) numbers for regression, in evaluation mode, on the
    inputs' device, differentiable when gradients are offered. Log-probabilities are logits. A model
    that offers only labels gives 1 for its choice and 0 elsewhere.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self.passes = PassCount()
        self.passes_per_call = 1  # more where one answer is made of several

    @final
    def __call__(self, x: Tensor) -> Tensor:
        """Give the outputs for inputs (N, *input_shape), counted."""
        self.passes.forward += len(x) * self.passes_per_call
        outputs = self.forward(x)
        if outputs.requires_grad:
            outputs.register_hook(self._count_backward)  # type: ignore[no-untyped-call]
        return outputs

    def _count_backward(self, gradient: Tensor) -> None:
        self.passes.backward += len(gradient) * self.passes_per_call

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Compute the outputs; call the model instead, so that passes are counted."""

    def move(self, device: torch.device) -> None:  # noqa: B027 - most models stay where they are
        """Compute on a device from now on, where the model can."""

    def without_obstacles(self) -> "Model | None":
        """Give the same answers with gradients that go around the declared obstacles.

        None where the model does not know how.
        """
        return None

    def undefended(self) -> "Model | None":
        """Give the model without what guards it; None where nothing does."""
        return None

    @final
    def embed(self, x: Tensor) -> Tensor:
        """Give a vector (N, E) per input, counted; differentiable when gradients are offered.

        Raises:
            NotAssessed: the model offers no embeddings.
        """
        require(self, Offer.EMBEDDINGS)
        self.passes.forward += len(x) * self.passes_per_call
        vectors = self.features(x)
        if vectors.requires_grad:
            vectors.register_hook(self._count_backward)  # type: ignore[no-untyped-call]
        return vectors

    def features(self, x: Tensor) -> Tensor:
        """Compute the embeddings; call `embed` instead, so that passes are counted."""
        raise NotAssessed(f"{self.spec.name} offers no embeddings")

    def uncertainty(self, x: Tensor) -> Tensor:
        """Give the variance (N, K) of the latent function of each class; a pass like any other.

        Raises:
            NotAssessed: the model does not know it.
        """
        raise NotAssessed(f"{self.spec.name} does not say how sure it is of an answer")

    def trees(self) -> TreeEnsemble:
        """Give the decision trees; their sums order the classes as the model's outputs do.

        Raises:
            NotAssessed: the model has no trees, or they cannot be read.
        """
        raise NotAssessed(f"{self.spec.name} does not hand out decision trees")

    def scrambled(self, seed: int) -> "Model":
        """Give the same architecture with the numbers of each weight tensor in random order.

        Raises:
            NotAssessed: the weights are out of reach.
        """
        raise NotAssessed(f"the weights of {self.spec.name} are out of reach")

    def refit(self, rows: Split, seed: int) -> "Model":
        """Train the same model afresh on other rows.

        Raises:
            NotAssessed: the model offers no refit.
        """
        raise NotAssessed(f"{self.spec.name} cannot be trained again from here")


def require(model: Model, offer: Offer) -> None:
    """Say that a judgment needs something of the model.

    Raises:
        NotAssessed: the model does not offer it.
    """
    if offer not in model.spec.offers:
        have = ", ".join(sorted(model.spec.offers))
        raise NotAssessed(f"{model.spec.name} offers no {offer} (it offers {have})")
