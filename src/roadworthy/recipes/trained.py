from dataclasses import replace

import torch
from torch import Tensor, nn

from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.model import Model, Offer
from roadworthy.core.progress import Silent
from roadworthy.core.training import Recipe
from roadworthy.core.tree_ensemble import TreeEnsemble
from roadworthy.frameworks.torch_module import TorchModel, wrap_module
from roadworthy.networks import Part


class Trained(Model):
    """A network that a recipe trained: it can be trained again, and saved.

    Args:
        inner: the network as a model.
        parts: what the network is made of.
        recipe: what trained it.
        data: says what the columns and classes are, for training it again.
    """

    def __init__(
        self, inner: TorchModel, parts: tuple[Part, ...], recipe: Recipe, data: Dataset
    ) -> None:
        super().__init__(
            replace(
                inner.spec,
                offers=inner.spec.offers | {Offer.REFIT},
                fingerprint=fingerprint(inner.spec.fingerprint, repr(recipe)),
            )
        )
        self.inner = inner
        self.parts = parts
        self.recipe = recipe
        self.data = data

    def forward(self, x: Tensor) -> Tensor:
        return self.inner.forward(x)

    def features(self, x: Tensor) -> Tensor:
        return self.inner.features(x)

    def trees(self) -> TreeEnsemble:
        return self.inner.trees()

    def move(self, device: torch.device) -> None:
        self.inner.move(device)

    def refit(self, rows: Split, seed: int) -> Model:
        return self.recipe.fit(self.data, rows, seed, Silent())


def trained(
    network: nn.Sequential, parts: tuple[Part, ...], recipe: Recipe, data: Dataset
) -> Trained:
    """Make a model of a network that a recipe trained."""
    inner = wrap_module(network, data, recipe.card.name, is_ours=True)
    return Trained(inner, parts, recipe, data)


def check_fits(recipe: Recipe, data: Dataset) -> None:
    """Say whether a recipe knows the task and the kind of input.

    Raises:
        InputError: it does not.
    """
    if data.task not in recipe.tasks:
        known = ", ".join(sorted(recipe.tasks))
        raise InputError(
            f"{recipe.card.name} learns {known} tasks, but {data.name} is a {data.task} task"
        )
    if data.kind not in recipe.kinds:
        known = " and ".join(sorted(recipe.kinds))
        raise InputError(
            f"{recipe.card.name} learns from {known} inputs, but {data.name} is {data.kind}: try "
            "mlp or random-forest"
        )
