from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """A data set, split, and how the model that is inspected with it was prepared.

    Args:
        x: (N, D) columns, NaN where a value is missing; or (N, 1, H, W) images in [0, 1]; or a
            polars table, of real data.
        y: (N,) class numbers, or numbers.
        part: (N,) `train`, `test` or `production`.
        columns: metadata by name, each (N,).
        roles: which of them is the `group`, `environment`, `time` or `sensitive`.
        is_seen: (N,) rows that the steps before the estimator were fitted on; soundly, train.
        keep: how many columns a selection keeps; 0 for no selection.
    """

    x: Any
    y: np.ndarray
    part: np.ndarray
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    is_seen: np.ndarray | None = None
    keep: int = 0

    @property
    def is_train(self):
        return self.part == "train"

    @property
    def is_test(self):
        return self.part == "test"

    @property
    def is_number(self):
        return self.y.dtype.kind == "f"

    def with_role(self, role, values):
        """Add a column of metadata under its role's name."""
        return replace(
            self, columns={**self.columns, role: values}, roles={**self.roles, role: role}
        )

    def take(self, rows):
        """Keep some rows, by mask or index."""
        columns = {name: values[rows] for name, values in self.columns.items()}
        seen = None if self.is_seen is None else self.is_seen[rows]
        return replace(
            self,
            x=self.x[rows],
            y=self.y[rows],
            part=self.part[rows],
            columns=columns,
            is_seen=seen,
        )


def split_of(n, share, generator):
    """Name `train` or `test` for N rows at random, of which a share is for testing."""
    part = np.full(n, "train", dtype=object)
    part[generator.permutation(n)[: round(share * n)]] = "test"
    return part
