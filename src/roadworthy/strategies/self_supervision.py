"""What strategies share that learn a representation from inputs alone."""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress, piece
from roadworthy.images.random_crops import cropped, recolored
from roadworthy.networks import NETWORKS
from roadworthy.networks.backbone import backbone_of, embedding
from roadworthy.networks.head import Head
from roadworthy.training.loop import fit_plan
from roadworthy.training.plan import After, Augment, Batch, Beside, Objective, Schedule, TrainPlan
from roadworthy.training.strategy import CLASSES, Strategy
from roadworthy.training.views import swapped
from roadworthy.training.weights import representation

DECAY = 1e-4  # weight decay while pre-training
LARGE = 32  # pixels of the shorter side from which on a small crop still shows something
PRE_TRAINING = 0.5  # of the rows that may pass the network, where that is limited
LEAST = 0.05  # share of the area that a small crop shows at least


@dataclass(frozen=True, eq=False)
class Pretext:
    """A task whose targets are made from the structure of the inputs.

    Args:
        objective: the loss of a batch, whose targets it does not read.
        beside: what is trained along with the network and left behind.
        after: what is done after each step.
    """

    objective: Objective
    beside: Mapping[str, Beside] = field(default_factory=dict)
    after: tuple[After, ...] = ()


@dataclass(frozen=True)
class SelfSupervision(Strategy):
    """Pre-trains the embedding on all rows, with a target or without, then trains as planned.

    The three steps: a pretext task makes targets from the structure of the inputs; the network
    learns it, without its last layer; what it learned is what the training starts with.

    Args:
        epochs: of the pre-training.
        batch: rows per step of the pre-training.
        rate: learning rate at the start of the pre-training.
    """

    epochs: int = 10
    batch: int = 128
    rate: float = 2e-3

    tasks = CLASSES | {Task.REGRESSION}
    views: ClassVar[int] = 2  # of a row, that pass the network at each step

    @abstractmethod
    def pretext(self, plan: TrainPlan) -> Pretext:
        """Make the task.

        Raises:
            InputError: the settings make no sense, or do not suit the inputs.
        """

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if self.epochs < 1 or self.batch < 2 or not self.rate > 0:
            raise InputError(
                f"{self.card.name} takes at least 1 epoch, batches of at least 2 rows and a "
                f"positive rate, not {self.epochs}, {self.batch} and {self.rate}"
            )
        plan.set(self.card.name, start=plan.start)  # is refused before the long work
        pretext, rows = self.pretext(plan), all_rows(plan)
        epochs = self.epochs_of(plan, len(rows))
        before = TrainPlan(
            plan.data,
            rows,
            without_head(plan),
            Schedule(epochs, without_single(len(rows), self.batch), self.rate, DECAY),
            plan.seed + 1,
            objective=pretext.objective,
            beside=pretext.beside,
            after=pretext.after,
            machine=plan.machine.inside("pretext"),
        )
        with piece(progress, f"Pre-training by {self.card.name}", 0.0):
            network = fit_plan(before, progress)
        plan = plan.set(self.card.name, start=representation(network))
        return plan.add(spent=epochs * len(rows) * self.views)

    def epochs_of(self, plan: TrainPlan, rows: int) -> int:
        """Say how long to pre-train: as the settings say, or with half of what may pass."""
        if plan.passes is None:
            return self.epochs
        return max(1, round(PRE_TRAINING * plan.passes / (rows * self.views)))


def all_rows(plan: TrainPlan) -> Split:
    """Put the rows with targets and those without together."""
    if plan.unlabelled is None:
        return plan.rows
    return Split.together("train", plan.rows, plan.unlabelled)


def without_head(plan: TrainPlan) -> tuple:
    """Leave the part out that gives outputs a meaning, for it would measure the targets."""
    *others, last = plan.parts
    return tuple(others) if issubclass(NETWORKS[last.name], Head) else plan.parts


def without_single(rows: int, batch: int) -> int:
    """Choose the rows per step, up to `batch`, so that no step has a single row.

    Raises:
        InputError: there are fewer than two rows.
    """
    if rows < 2:
        raise InputError("a representation is learned from at least two rows, and there is one")
    most = min(rows, batch)
    sizes = chain(range(most, 1, -1), range(most + 1, rows + 1))
    return next(size for size in sizes if rows % size != 1)


def view_of(data: Dataset, crop: float) -> Augment:
    """Give a change that a representation should not show.

    Images: a crop of at least that share of the area, enlarged, in other colors. Tables: columns
    take the values of other rows of the batch.
    """
    return (lambda x: recolored(cropped(x, crop))) if data.kind == "image" else swapped


def views_of(data: Dataset, crop: float, small: int) -> tuple[Augment, ...]:
    """Give two full views and, of images that are large enough, so many small crops.

    A small crop shows less of the image than a full view, and is enlarged to its size, for the
    networks take no other.
    """
    full = view_of(data, crop)
    if data.kind != "image" or min(data.train.x.shape[2:]) < LARGE:
        return full, full

    def detail(x: Tensor) -> Tensor:
        return recolored(cropped(x, min(LEAST, crop), crop))

    return full, full, *[detail] * small


def embedded(network: nn.Sequential, views: list[Tensor]) -> tuple[Tensor, ...]:
    """Give the embeddings (N, width) of each of several views (N, …), in one pass."""
    return embedding(network, torch.cat(views)).split(len(views[0]))


def projector(*widths: int) -> nn.Sequential:
    """Make a perceptron with batch normalization between its linear layers."""
    layers: list[nn.Module] = []
    for before, width in pairwise(widths[:-1]):
        layers += [nn.Linear(before, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-2], widths[-1]))


def twins(view: Augment, width: int, loss: Callable[[Tensor, Tensor], Tensor]) -> Pretext:
    """Make the task of comparing the projections of two views of a batch.

    Args:
        view: changes inputs.
        width: numbers of a projection.
        loss: of the projections (N, width) of the first and of the second view.
    """

    def objective(network: nn.Module, batch: Batch) -> Tensor:
        views = embedded(network, [view(batch.x), view(batch.x)])
        return loss(*map(batch.beside["projector"], views))

    def make(network: nn.Sequential) -> nn.Module:
        return projector(backbone_of(network).width, *[width] * 3)

    return Pretext(objective, {"projector": make})


class Directions(nn.Module):
    """Projects embeddings, and gives the cosines of their angles to learned directions.

    Args:
        inputs: numbers of an embedding.
        width: numbers of a projection.
        count: of the directions.
    """

    def __init__(self, inputs: int, width: int, count: int) -> None:
        super().__init__()
        self.projector = projector(inputs, inputs, width)
        self.directions = nn.Parameter(torch.randn(count, width))

    def forward(self, z: Tensor) -> Tensor:  # (N, inputs) to (N, count)
        return normalize(self.projector(z)) @ normalize(self.directions).T


def rising(keep: float, progress: float) -> float:
    """Let the share that a moving average keeps rise to 1 along half a cosine."""
    return 1 - (1 - keep) * (1 + math.cos(math.pi * progress)) / 2


@torch.no_grad()
def follow(target: nn.Module, online: nn.Module, keep: float) -> None:
    """Move the weights of one network toward those of another of the same kind."""
    for old, new in zip(target.parameters(), online.parameters(), strict=True):
        old.lerp_(new, 1 - keep)
