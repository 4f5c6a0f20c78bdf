"""Models that an attack works on in place of one that it cannot see into."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from roadworthy.core.errors import InputError
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.model import Model, Offer

OFFERS = frozenset({Offer.LABELS, Offer.SCORES, Offer.GRADIENTS})


class Fused(Model):
    """Several models whose logits are averaged: what fools all of them often fools another.

    Pass it to `run_attack` as the surrogate.

    Source: Dong et al. 2017, arXiv:1710.06081, on ensembles in logits.

    Args:
        models: with the same inputs and classes.
        weights: of the models, adding up to 1; the same for all by default.
    """

    def __init__(self, models: Sequence[Model], weights: Sequence[float] = ()) -> None:
        if not models:
            raise InputError("there is no model to fuse")
        first = models[0].spec
        for model in models[1:]:
            if (model.spec.outputs, model.spec.input_shape) != (first.outputs, first.input_shape):
                raise InputError(
                    f"{model.spec.name} and {first.name} differ in their inputs or classes: only "
                    "models of the same can be fused"
                )
        weights = tuple(weights) or (1 / len(models),) * len(models)
        if len(weights) != len(models) or abs(sum(weights) - 1) > 1e-6:
            raise InputError(f"{len(models)} models need as many weights, adding up to 1")
        specs = [model.spec for model in models]
        super().__init__(
            replace(
                first,
                name=" + ".join(spec.name for spec in specs),
                offers=frozenset.intersection(*(spec.offers for spec in specs)) & OFFERS,
                fingerprint=fingerprint([spec.fingerprint for spec in specs], weights),
                parameters=None,
                size=None,
                stochastic=any(spec.stochastic for spec in specs),
                obstacles=tuple(sorted({name for spec in specs for name in spec.obstacles})),
                notes=(),
            )
        )
        self.models = tuple(models)
        self.weights = weights

    def forward(self, x: Tensor) -> Tensor:
        logits = torch.stack([model(x) for model in self.models])
        return torch.einsum("m,mnk->nk", logits.new_tensor(self.weights), logits)

    def move(self, device: torch.device) -> None:
        for model in self.models:
            model.move(device)
