"""Training on other rows or labels, and judging it by the same test rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from roadworthy.artifacts.roles import clusters
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError
from roadworthy.core.estimates import by_cluster
from roadworthy.core.progress import Progress
from roadworthy.core.yardstick import Yardstick
from roadworthy.workflows.compare import trial
from roadworthy.workflows.contenders import Contender
from roadworthy.workflows.training import yardstick


@dataclass(frozen=True)
class Change:
    """A change of training rows.

    Args:
        name: what is done, in a few words.
        corrected: the new label of rows, by their numbers in the source.
        left_out: the numbers of rows that are not trained on.
    """

    name: str
    corrected: dict[int, str] = field(default_factory=dict)
    left_out: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self.corrected.keys() | self.left_out)

    def __or__(self, other: "Change") -> "Change":
        return Change(
            f"{self.name}, {other.name}",
            self.corrected | other.corrected,
            self.left_out | other.left_out,
        )

    def of(self, data: Dataset) -> Dataset:
        """Make the change.

        Raises:
            InputError: the data has no such training row or class.
        """
        rows, places = data.train, _places(data.train, self.corrected.keys() | self.left_out)
        y = rows.y.clone()
        for row, label in self.corrected.items():
            if label not in data.classes:
                raise InputError(f"{label!r} is none of the classes {', '.join(data.classes)}")
            y[places[row]] = data.classes.index(label)
        is_kept = torch.ones(len(rows), dtype=torch.bool)
        is_kept[[places[row] for row in self.left_out]] = False
        return with_train(data, replace(rows, y=y).take(is_kept))


def _places(rows: Split, numbers: Iterable[int]) -> dict[int, int]:
    places = {row: place for place, row in enumerate(rows.ids.tolist())}
    unknown = sorted(set(numbers) - set(places))
    if unknown:
        raise InputError(
            f"there is no training row {unknown[0]} ({len(unknown)} such rows): the audit must be "
            "of the same data with the same split"
        )
    return places


def with_train(data: Dataset, rows: Split) -> Dataset:
    """Give the data with other training rows."""
    return replace(data, splits=tuple(rows if s.name == "train" else s for s in data.splits))


@dataclass(frozen=True)
class Judge:
    """Trains on changed data, with the same seeds, and tells the errors on the same test rows.

    Args:
        data: whose test rows judge.
        recipe: what is trained.
        seeds: trainings of each.
        passes: rows through the network per training; None leaves that to the recipe.
        seed: the root of every random number.
        store: folder where finished trainings are kept; none are kept without.
        progress: where to say how far the work is.

    Raises:
        InputError: there are fewer than 2 seeds, or the recipe asks for labels.
    """

    data: Dataset
    recipe: Contender
    seeds: int
    passes: int | None
    seed: int
    store: Path | None
    progress: Progress

    def __post_init__(self) -> None:
        if self.seeds < 2:
            raise InputError(f"gains are judged by 2 seeds or more, not {self.seeds}")
        if self.recipe.query is not None:
            raise InputError(f"{self.recipe.name!r} asks for labels: leave out what is after @")
        if self.by is Yardstick.ORDER:
            raise InputError(
                f"{self.recipe.name!r} learns an order; changed rows are judged by how near "
                "answers come to targets: name another recipe"
            )

    def errors(self, changed: Dataset) -> np.ndarray:
        """Give the errors (S, N) on the test rows, of trainings on the same changed data."""
        return np.stack([self.errors_of(changed, k) for k in range(self.seeds)])

    def errors_of(self, changed: Dataset, k: int) -> np.ndarray:
        """Give the errors (N,) of the training with seed k."""
        kept = None if self.store is None else self.store / "trials"
        labels = int(changed.train.is_labelled.sum())
        seed = self.seed + k
        return trial(
            self.recipe,
            changed,
            labels,
            self.passes,
            seed,
            kept,
            self.progress,
            self.by,
            unit=self.data,
        ).errors

    @property
    def by(self) -> Yardstick:
        """What a training is judged by."""
        return yardstick([self.recipe], self.data)


def by_group(data: Dataset, errors: np.ndarray, is_judging: np.ndarray | None = None) -> np.ndarray:
    """Give errors (S, N) of test rows by groups, which are drawn together: (S, G).

    Args:
        data: says which rows belong together; without groups each row stands for itself.
        errors: of the test rows.
        is_judging: (N,) which of them count; None counts all.
    """
    counts = np.ones(errors.shape[-1], dtype=bool) if is_judging is None else is_judging
    group = clusters(data, data.test)
    return by_cluster(errors[:, counts], None if group is None else group[counts])


def beside(file: Path) -> Path:
    """Name the file of the rows to leave out, beside another."""
    return file.with_name(f"{file.stem}-without.csv")
