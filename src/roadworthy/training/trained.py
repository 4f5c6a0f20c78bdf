import math
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError
from roadworthy.core.fingerprint import code_fingerprint, fingerprint
from roadworthy.core.model import Model, Offer
from roadworthy.core.progress import Progress, Silent, piece
from roadworthy.core.training import Recipe
from roadworthy.core.tree_ensemble import TreeEnsemble
from roadworthy.frameworks.torch_module import TorchModel, wrap_module
from roadworthy.networks import NETWORKS, Part
from roadworthy.networks.head import Head
from roadworthy.networks.heads.score import Score
from roadworthy.networks.heads.scored_classes import ScoredClasses
from roadworthy.training.loop import fit_plan
from roadworthy.training.plan import Machine, TrainPlan
from roadworthy.training.strategy import Strategy


@runtime_checkable
class Obstacle(Protocol):
    """A part without a useful derivative; on the way back it puts a smooth one in its place."""

    obstacle: str


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
        obstacles = tuple(
            module.obstacle for module in inner.module.modules() if isinstance(module, Obstacle)
        )
        hidden = {Offer.GRADIENTS} if obstacles else set()
        missing = missing_start(recipe)
        super().__init__(
            replace(
                inner.spec,
                offers=(inner.spec.offers | (set() if missing else {Offer.REFIT})) - hidden,
                obstacles=obstacles,
                notes=(*inner.spec.notes, *missing),
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

    def without_obstacles(self) -> Model | None:
        return self.inner  # the parts themselves put another derivative in the place of theirs

    def move(self, device: torch.device) -> None:
        self.inner.move(device)

    def scrambled(self, seed: int) -> Model:
        return self.inner.scrambled(seed)

    def refit(self, rows: Split, seed: int) -> Model:
        return self.recipe.fit(self.data, rows, seed, Silent())


def missing_start(recipe: Recipe) -> tuple[str, ...]:
    """Say why a recipe cannot be followed again here; nothing where it can."""
    try:
        recipe.prepared()
    except InputError as error:
        return (f"The model cannot be trained again here: {error}.",)
    return ()


def has_learned_order(model: Model) -> bool:
    """Say whether a model learned to put rows in order."""
    network = model.inner.module if isinstance(model, Trained) else None
    return isinstance(network, nn.Sequential) and isinstance(network[-1], (Score, ScoredClasses))


def will_learn_order(recipe: Recipe) -> bool:
    """Say the same of what a recipe will train."""
    strategies = recipe.strategies if isinstance(recipe, Defended) else ()
    return any(each.purpose == "ranking" for each in strategies)


def trained(
    network: nn.Sequential, parts: tuple[Part, ...], recipe: Recipe, data: Dataset
) -> Trained:
    """Make a model of a network that a recipe trained."""
    inner = wrap_module(network, data, recipe.card.name, is_ours=True)
    return Trained(inner, parts, recipe, data)


@dataclass(frozen=True)
class NetworkRecipe(Recipe):
    """A recipe that trains a network by the loop, so that strategies can change how."""

    def plan(self, data: Dataset, rows: Split, seed: int) -> TrainPlan:
        """Say what will be trained, on which rows and how.

        Raises:
            InputError: the recipe does not know this task or kind of input.
        """
        raise NotImplementedError

    def fit(self, data: Dataset, rows: Split, seed: int, progress: Progress) -> Model:
        return fit_network(self, data, rows, seed, progress)


@dataclass(frozen=True)
class Defended(Recipe):
    """A recipe whose training strategies change.

    Args:
        recipe: makes the plan.
        strategies: change it, in this order.
    """

    recipe: NetworkRecipe
    strategies: tuple[Strategy, ...]

    @property
    def card(self) -> Card:  # type: ignore[override]
        """The recipe's card, with the strategies in its name."""
        names = [strategy.card.name for strategy in self.strategies]
        return replace(self.recipe.card, name=" + ".join([self.recipe.card.name, *names]))

    def prepared(self, *, may_download: bool = False) -> "Defended":
        strategies = tuple(strategy.prepared() for strategy in self.strategies)
        recipe = self.recipe.prepared(may_download=may_download)
        return replace(self, recipe=recipe, strategies=strategies)

    def fit(self, data: Dataset, rows: Split, seed: int, progress: Progress) -> Model:
        return fit_network(self, data, rows, seed, progress)


def fit_network(
    recipe: NetworkRecipe | Defended,
    data: Dataset,
    rows: Split,
    seed: int,
    progress: Progress,
    machine: Machine | None = None,
    passes: int | None = None,
) -> Trained:
    """Train what a recipe plans; the arguments are those of `plan_of`."""
    recipe = recipe.prepared()
    plan = plan_of(recipe, data, rows, seed, progress, machine, passes)
    return trained(fit_plan(plan, progress), plan.parts, recipe, data)


def plan_of(
    recipe: NetworkRecipe | Defended,
    data: Dataset,
    rows: Split,
    seed: int,
    progress: Progress,
    machine: Machine | None = None,
    passes: int | None = None,
) -> TrainPlan:
    """Say what a recipe will train and how, as its strategies change it.

    Args:
        recipe: says what is trained.
        data: says what the columns and classes are.
        rows: to train on; those without a target serve strategies that learn from such rows.
        seed: of every random number.
        progress: networks that a strategy needs beforehand are shown there.
        machine: where the training runs; None computes on the CPU and keeps nothing. In its folder
            every training has a place of its own, so that none goes on from another one.
        passes: rows that may pass the network in all; None leaves that to the recipe.

    Raises:
        InputError: the recipe or a strategy does not know this task or kind of input.
    """
    strategies = recipe.strategies if isinstance(recipe, Defended) else ()
    network = recipe.recipe if isinstance(recipe, Defended) else recipe
    known = rows.is_labelled
    plan = network.plan(data, rows.take(known), seed)
    pools = [rows.take(~known), *([] if data.unlabelled is None else [data.unlabelled])]
    pools = [pool for pool in pools if len(pool)]
    unlabelled = Split.together("unlabelled", *pools) if pools else None
    machine = machine or plan.machine
    if machine.folder is not None:
        asked = (repr(recipe), data.fingerprint, rows.ids, rows.y, seed, passes, machine.precision)
        machine = machine.inside(fingerprint(*asked, code_fingerprint())[:32])
    plan = replace(plan, unlabelled=unlabelled, machine=machine)
    if passes is not None:
        # trainings that strategies make beforehand have their share of it
        plan = plan.lasting(passes // math.prod(strategy.trainings for strategy in strategies))
    for strategy in strategies:
        check_fits(strategy, data)
        with piece(progress, strategy.card.name, 0.0):
            plan = strategy.apply(plan, progress)
    _check_head(plan, strategies)
    return plan if passes is None else plan.lasting(passes)


def _check_head(plan: TrainPlan, strategies: tuple[Strategy, ...]) -> None:
    """Refuse strategies that read logits of classes where the network's head has none.

    Raises:
        InputError: there is one.
    """
    last = NETWORKS[plan.parts[-1].name]
    readers = [strategy.card.name for strategy in strategies if strategy.reads_logits]
    if readers and issubclass(last, Head) and not last.gives_logits:
        head = plan.writers.get("head", plan.parts[-1].name)
        raise InputError(
            f"{readers[0]} reads logits of the classes, and a network with {head} has none while "
            "it is trained: choose one of them"
        )


def defended(recipe: Recipe, strategies: tuple[Strategy, ...]) -> Recipe:
    """Give the recipe with more strategies.

    Raises:
        InputError: the recipe does not train a network, so there is no plan to change.
    """
    if isinstance(recipe, Defended):
        return Defended(recipe.recipe, (*recipe.strategies, *strategies))
    if not isinstance(recipe, NetworkRecipe):
        names = ", ".join(strategy.card.name for strategy in strategies)
        raise InputError(
            f"{names} changes how a network is trained, and {recipe.card.name} trains none: choose "
            "a guard, or a recipe such as cnn or mlp"
        )
    return Defended(recipe, strategies)


def check_fits(recipe: Recipe | Strategy, data: Dataset) -> None:
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
            f"{recipe.card.name} learns from {known} inputs, but {data.name} is {data.kind}: "
            "roadworthy list recipes names others"
        )
