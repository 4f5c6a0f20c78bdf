from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from roadworthy.core.dataset import Split
from roadworthy.core.errors import InputError
from roadworthy.core.streams import Streams


@dataclass(frozen=True)
class EpisodeShape:
    """How large a task is: N-way, K-shot.

    Args:
        ways: classes to tell apart.
        shots: labelled items of each class, the support.
        queries: items of each class that are asked about.
    """

    ways: int = 5
    shots: int = 1
    queries: int = 15

    def __post_init__(self) -> None:
        if self.ways < 2 or self.shots < 1 or self.queries < 1:
            raise InputError(
                "a task takes at least 2 ways, 1 shot and 1 query of each class, not "
                f"{self.ways}, {self.shots} and {self.queries}"
            )


@dataclass(frozen=True, eq=False)
class Episodes:
    """Several tasks of one shape, side by side.

    Args:
        support_x: (B, S, …) labelled items.
        support_y: (B, S) their classes, numbered from 0 within the task.
        query_x: (B, Q, …) items that are asked about.
        query_y: (B, Q) their classes.
        classes: (B, ways) the number that each class of a task has in the split.
    """

    support_x: Tensor
    support_y: Tensor
    query_x: Tensor
    query_y: Tensor
    classes: Tensor

    def __len__(self) -> int:
        return len(self.support_x)


@dataclass(frozen=True, eq=False)
class EpisodeSource:
    """Draws tasks of one shape from the classes of a split.

    Classes and items are drawn without replacement, uniformly. A task depends on the seed and on
    its own number alone, not on the tasks that are drawn with it.

    Args:
        split: the labelled items.
        shape: of the tasks.

    Raises:
        InputError: there are too few classes, or some have too few items.
    """

    split: Split
    shape: EpisodeShape

    def __post_init__(self) -> None:
        if self.split.y.is_floating_point() or not bool(self.split.is_labelled.all()):
            raise InputError("tasks are drawn from items whose class is known: leave out the rest")
        shape, counts = self.shape, self._counts
        if len(counts) < shape.ways:
            raise InputError(
                f"a task of {shape.ways} ways takes as many classes; {self.split.name} has "
                f"{len(counts)}"
            )
        need = shape.shots + shape.queries
        if short := int((counts < need).sum()):
            raise InputError(
                f"{short} of {len(counts)} classes of {self.split.name} have fewer than the "
                f"{need} items that {shape.shots} shots and {shape.queries} queries take; the "
                f"smallest has {int(counts.min())}: leave them out, or ask for fewer queries"
            )

    @cached_property
    def classes(self) -> Tensor:
        """(C,) the class numbers that occur in the split."""
        return self.split.y.unique()

    @cached_property
    def _counts(self) -> Tensor:
        """(C,) items of each class."""
        return self.split.y.unique(return_counts=True)[1]

    @cached_property
    def _rows(self) -> Tensor:
        """(C, most items) rows of each class; where a class has fewer, anything."""
        order, counts = self.split.y.argsort(stable=True), self._counts
        place = torch.arange(int(counts.max()), device=counts.device)
        starts = counts.cumsum(0) - counts
        return order[(starts[:, None] + place).clamp_max(len(order) - 1)]

    def draw(self, seed: int, first: int, count: int) -> Episodes:
        """Draw `count` tasks under a seed, beginning with number `first`."""
        shape, device = self.shape, self.split.y.device
        streams = Streams.of(seed, torch.arange(first, first + count, device=device))
        lots = streams.uniform((len(self.classes),), torch.float64)
        picked = lots.argsort(1)[:, : shape.ways]  # (B, ways)
        lots = streams.uniform((shape.ways, self._rows.shape[1]), torch.float64)
        place = torch.arange(self._rows.shape[1], device=device)
        is_item = place < self._counts[picked][..., None]
        order = lots.masked_fill(~is_item, 2.0).argsort(2)[..., : shape.shots + shape.queries]
        rows = self._rows[picked].gather(2, order)  # (B, ways, shots + queries)
        support, query = rows.split([shape.shots, shape.queries], 2)
        way = torch.arange(shape.ways, device=device)[None, :, None]
        return Episodes(
            self.split.x[support.flatten(1)],
            way.expand_as(support).flatten(1),
            self.split.x[query.flatten(1)],
            way.expand_as(query).flatten(1),
            self.classes[picked],
        )
