"""What proves radii around inputs, by what the model is."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from roadworthy.core.errors import NotAssessed
from roadworthy.core.guard import Guarding
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball
from roadworthy.frameworks.torch_module import TorchModel
from roadworthy.guards.randomized_smoothing import RandomizedSmoothing
from roadworthy.guards.smoothing_certificate import Certification
from roadworthy.training.trained import Trained
from roadworthy.verification.certified import Bounds, certified_radius
from roadworthy.verification.crown import crown
from roadworthy.verification.interval_propagation import interval_propagation
from roadworthy.verification.region import Box
from roadworthy.verification.steps import AFFINE, Steps, unroll
from roadworthy.verification.tree_bounds import certified_radius_of_trees

MOST_NEURONS = 1024  # of a network's activations, for linear relaxation to be affordable


@dataclass(frozen=True, eq=False)
class Certifier(ABC):
    """Proves radii.

    Args:
        model: what it proves them of.
    """

    model: Model
    name = ""
    norms = ("linf", "l2")
    doubt = 0.0  # chance that a radius is wrong
    passes = 1  # about as much work for a row

    @abstractmethod
    def radii(self, x: Tensor, y: Tensor, ids: Tensor, ball: Ball, valid: Box, seed: int) -> Tensor:
        """Give proven radii (N,) of answers y (N,), at most the ball's; -1 where it errs."""


class OfTrees(Certifier):
    """Sums over decision trees of the worst leaf within reach."""

    name = "the leaves within reach"
    passes = 100

    def radii(self, x: Tensor, y: Tensor, ids: Tensor, ball: Ball, valid: Box, seed: int) -> Tensor:
        return certified_radius_of_trees(self.model.trees(), x, y, ball, valid)


class OfVotes(Certifier):
    """Votes under noise: randomized smoothing."""

    name = "randomized smoothing"
    norms = ("l2",)
    doubt = Certification().alpha
    passes = Certification().selection + Certification().estimation

    def radii(self, x: Tensor, y: Tensor, ids: Tensor, ball: Ball, valid: Box, seed: int) -> Tensor:
        guarding = self.model
        assert isinstance(guarding, Guarding)
        assert isinstance(guarding.guard, RandomizedSmoothing)
        unit, sigma = guarding.learned["unit"], guarding.guard.sigma
        found = Certification().certify(guarding.inner, x, sigma, unit, ids, seed)
        is_right = found.choice.cpu() == y.cpu()
        return torch.where(is_right, found.radius.clamp_max(ball.eps), -1.0)


class OfLayers(Certifier):
    """Bounds of a network's layers: linear relaxation, or intervals where that costs too much."""

    @property
    def steps(self) -> Steps:
        """The network's steps, in double precision."""
        return unroll(_network(self.model), torch.float64)

    @property
    def method(self) -> Bounds:
        """How to bound it."""
        return crown if _neurons(self.model) <= MOST_NEURONS else interval_propagation

    @property
    def name(self) -> str:  # type: ignore[override]
        """What the report calls it."""
        return "linear relaxation" if self.method is crown else "interval propagation"

    @property
    def passes(self) -> int:  # type: ignore[override]
        """About as much work for a row."""
        return 20 + (20 * _neurons(self.model) if self.method is crown else 40)

    def radii(self, x: Tensor, y: Tensor, ids: Tensor, ball: Ball, valid: Box, seed: int) -> Tensor:
        return certified_radius(self.steps, x, y, ball, valid, self.method)


def certifier_for(model: Model) -> Certifier:
    """Choose how radii of a model can be proven.

    Raises:
        NotAssessed: nothing is known of it that would prove one.
    """
    if isinstance(model, Guarding):
        if isinstance(model.guard, RandomizedSmoothing):
            return OfVotes(model)
        if model.guard.card.safety == "safe":  # no choice changes
            return certifier_for(model.inner)
        raise NotAssessed(
            f"{model.guard.card.name} changes what the model sees in ways that no bound follows"
        )
    if Offer.TREES in model.spec.offers:
        return OfTrees(model)
    unroll(_network(model))  # says what is not known
    return OfLayers(model)


def _network(model: Model) -> nn.Sequential:
    inner = model.inner if isinstance(model, Trained) else model
    if not isinstance(inner, TorchModel):
        raise NotAssessed(
            f"nothing proves how {model.spec.name} answers near an input: that takes a PyTorch "
            "network of known layers, decision trees, or randomized smoothing around any model"
        )
    return inner.network()


def _neurons(model: Model) -> int:
    """Count the numbers that the steps of a network take that are not affine."""
    steps, total = unroll(_network(model)), 0
    weight = next((value for step in steps for value in step.parameters()), torch.zeros(()))
    x = weight.new_zeros(1, *model.spec.input_shape)
    for step in steps:
        total += 0 if type(step) in AFFINE else x.numel()
        with torch.no_grad():
            x = step(x)
    return total
