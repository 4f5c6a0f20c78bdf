"""What learns to learn from a few items, and what it has become once it has."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.dataset import Split
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress, Silent
from roadworthy.core.threads import threads_for


class Adapter(nn.Module, ABC):
    """Answers tasks of classes that it has never seen, from a few labelled items of each.

    In evaluation mode, which `train` of a learner leaves it in, an answer to one query depends on
    the support and on that query alone: no statistic is taken over the queries of a task.

    Args:
        seen: numbers of the base classes, which no task that judges it may hold.
    """

    def __init__(self, seen: frozenset[int]) -> None:
        super().__init__()
        self.seen = seen

    def answer(self, support_x: Tensor, support_y: Tensor, query_x: Tensor) -> Tensor:
        """Give log-probabilities (B, Q, ways) of queries (B, Q, …) in B tasks side by side.

        Args:
            support_x: (B, S, …) labelled items.
            support_y: (B, S) their classes, numbered from 0 within the task.
            query_x: (B, Q, …) items that are asked about.

        Raises:
            InputError: a class has no item in the support of a task.
        """
        items = nn.functional.one_hot(support_y, ways_of(support_y)).sum(1)
        if not bool(items.all()):
            task, way = (items == 0).nonzero()[0].tolist()
            raise InputError(
                f"class {way} has no item in the support of task {task}: number the classes of "
                "each task from 0, without gaps"
            )
        return self.respond(support_x, support_y, query_x)

    def forward(self, support_x: Tensor, support_y: Tensor, query_x: Tensor) -> Tensor:
        return self.answer(support_x, support_y, query_x)

    @abstractmethod
    def respond(self, support_x: Tensor, support_y: Tensor, query_x: Tensor) -> Tensor:
        """Do what `answer` promises, with every class in the support of every task."""


@dataclass(frozen=True)
class FewShotLearner(ABC):
    """Learns from base classes with many items how to learn others from a few; images only.

    The same learner, rows and seed give the same weights.
    """

    card: ClassVar[Card]

    def train(self, base: Split, seed: int, progress: Progress | None = None) -> Adapter:
        """Learn from the base classes; the caller's random numbers are left alone.

        Raises:
            InputError: the inputs are no images, are too small, or have too few classes or items.
        """
        check_images(base)
        with torch.random.fork_rng(devices=[]), threads_for(base.x):
            torch.manual_seed(seed % 2**63)
            return self.learn(base, seed, progress or Silent()).eval().requires_grad_(False)

    @abstractmethod
    def learn(self, base: Split, seed: int, progress: Progress) -> Adapter:
        """Do what `train` promises, with torch's random numbers already seeded."""


SMALLEST = 16  # pixels: four halvings must leave one


def check_images(base: Split) -> None:
    """Say whether the four-block network can read the inputs.

    Raises:
        InputError: it cannot.
    """
    if base.x.ndim != 4:
        raise InputError(
            "few-shot learners read images (N, C, H, W); for rows of numbers give SimpleShot.of "
            "a network that makes features of them"
        )
    if min(base.x.shape[2:]) < SMALLEST:
        height, width = base.x.shape[2:]
        raise InputError(
            f"images of {height} × {width} pixels are too small: four halvings take {SMALLEST}"
        )


def ways_of(support_y: Tensor) -> int:
    """Count the classes of tasks by their labels (B, S)."""
    return int(support_y.max()) + 1


def class_means(features: Tensor, support_y: Tensor) -> Tensor:
    """Average features (B, S, D) class by class: (B, ways, D)."""
    member = nn.functional.one_hot(support_y, ways_of(support_y)).to(features.dtype)
    return member.mT @ features / member.sum(1)[..., None]


def seen_in(base: Split) -> frozenset[int]:
    """Give the class numbers that occur in a split."""
    return frozenset(base.y.unique().tolist())
