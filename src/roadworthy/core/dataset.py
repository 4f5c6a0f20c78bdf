from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from roadworthy.core.errors import InputError
from roadworthy.core.fingerprint import fingerprint

KINDS = frozenset({"image", "tabular", "text"})  # of inputs


class Task(StrEnum):
    """What the targets are."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    REGRESSION = "regression"


@dataclass(frozen=True)
class Feature:
    """A column of a tabular dataset.

    Args:
        name: the column's name.
        kind: `number`, or `category` (its values are codes 0..len(categories)-1).
        categories: the category of each code.
        low: smallest value in the training split.
        high: largest value in the training split.
        scale: standard deviation in the training split; 1 where it is constant.
        missing: how many values were missing and filled in, all splits together.
    """

    name: str
    kind: Literal["number", "category"] = "number"
    categories: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0
    scale: float = 1.0
    missing: int = 0


@dataclass(frozen=True)
class Roles:
    """Which metadata columns say who belongs together, where and when rows come from.

    Args:
        group: rows that are not independent, such as a patient's images.
        environment: source of the row: hospital, camera, vendor.
        time: when the row was known; numbers or sortable text.
        sensitive: attributes whose groups must be treated alike.
        face: left, top, right and bottom of the face in an image, in pixels; or nothing.
    """

    group: str | None = None
    environment: str | None = None
    time: str | None = None
    sensitive: tuple[str, ...] = ()
    face: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Split:
    """Rows that are used together, and where they stood in the source.

    Args:
        name: `train`, `test`, `val`, `production` for rows from where the model is used, or
            `unlabelled`.
        x: (N, C, H, W) images in [0, 1] or (N, D) features, float; or texts as (N, L) Unicode code
            points, int64, with 0 behind the last (see `core.text`).
        y: (N,) class numbers from 0 (int64), or targets (float) for regression; of a row whose
            target is not known -1, or NaN.
        ids: (N,) row numbers in the source.
        columns: metadata by name, each (N,), in the rows' order.
        missing: (N, D) which features were missing and filled in; None where none were, or it is
            not known.
    """

    name: str
    x: Tensor
    y: Tensor
    ids: Tensor
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    missing: Tensor | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def is_labelled(self) -> Tensor:
        """(N,) whether a row's target is known."""
        return ~self.y.isnan() if self.y.is_floating_point() else self.y >= 0

    @classmethod
    def together(cls, name: str, *splits: "Split") -> "Split":
        """Put splits one behind the other, numbered anew, with the columns that all have."""
        first, *others = splits
        shared = [key for key in first.columns if all(key in s.columns for s in others)]
        gaps = [
            torch.zeros(s.x.shape, dtype=torch.bool) if s.missing is None else s.missing
            for s in splits
        ]
        return cls(
            name,
            torch.cat([split.x for split in splits]),
            torch.cat([split.y for split in splits]),
            torch.arange(sum(map(len, splits))),
            {key: np.concatenate([s.columns[key] for s in splits]) for key in shared},
            None if all(split.missing is None for split in splits) else torch.cat(gaps),
        )

    def take(self, rows: Tensor) -> "Split":
        """Keep some rows, by mask or index."""
        picked = rows.cpu().numpy()
        return replace(
            self,
            x=self.x[rows],
            y=self.y[rows],
            ids=self.ids[rows],
            columns={name: values[picked] for name, values in self.columns.items()},
            missing=None if self.missing is None else self.missing[rows],
        )


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs and targets in named splits, with what is known of their columns; never changed.

    Args:
        name: what the report calls it.
        task: nominal, ordinal or regression.
        classes: the class names in the order of their numbers; empty for regression.
        splits: must contain `train` and `test`.
        features: one per column of a tabular dataset; empty for images and texts.
        roles: which metadata columns mean what.
        origin: how the splits came about, a sentence for the report.
        notes: what loading changed or guessed, sentences for the report.
    """

    name: str
    task: Task
    classes: tuple[str, ...]
    splits: tuple[Split, ...]
    features: tuple[Feature, ...] = ()
    roles: Roles = Roles()
    origin: str = ""
    notes: tuple[str, ...] = ()

    def split(self, name: str) -> Split:
        """Find a split by name.

        Raises:
            InputError: there is none of that name.
        """
        for split in self.splits:
            if split.name == name:
                return split
        have = ", ".join(split.name for split in self.splits)
        raise InputError(f"{self.name} has no split {name!r}; it has {have}")

    @property
    def train(self) -> Split:
        """The rows that the model was fitted on."""
        return self.split("train")

    @property
    def test(self) -> Split:
        """The rows that the model is judged on."""
        return self.split("test")

    @property
    def production(self) -> Split | None:
        """Rows from where the model is used, if there are any."""
        return next((split for split in self.splits if split.name == "production"), None)

    @property
    def unlabelled(self) -> Split | None:
        """Rows whose target is not known, for trainings that learn from such rows too."""
        return next((split for split in self.splits if split.name == "unlabelled"), None)

    @property
    def sensitive_features(self) -> tuple[str, ...]:
        """The sensitive columns that the model sees."""
        names = {feature.name for feature in self.features}
        return tuple(name for name in self.roles.sensitive if name in names)

    @property
    def kind(self) -> Literal["image", "tabular", "text"]:
        """What an input is: `image` for (C, H, W), `tabular` for (D,), `text` for code points."""
        if self.train.x.dtype == torch.int64:
            return "text"
        return "image" if self.train.x.ndim == 4 else "tabular"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input; empty for texts, which may have any length."""
        return () if self.kind == "text" else tuple(self.test.x.shape[1:])

    @property
    def bounds(self) -> tuple[Tensor, Tensor]:
        """Lower and upper bound of valid inputs, broadcastable to one input.

        Raises:
            InputError: the inputs are texts, which have no bounds.
        """
        if self.kind == "text":
            raise InputError(
                f"the inputs of {self.name} are texts: they have no bounds, and what moves numbers "
                "within bounds, such as an attack, does not apply to them"
            )
        if self.features:
            low = torch.tensor([feature.low for feature in self.features])
            return low, torch.tensor([feature.high for feature in self.features])
        return torch.tensor(0.0), torch.tensor(1.0)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of all that a judgment can depend on."""
        rows = [(s.name, s.x, s.y, s.ids, dict(s.columns), s.missing) for s in self.splits]
        return fingerprint(str(self.task), self.classes, self.features, self.roles, rows)
