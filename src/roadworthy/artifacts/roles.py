"""Metadata columns by the role they play, and which of their values are known."""

from typing import Literal

import numpy as np

from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import NotAssessed

UNKNOWN = ("", "nan", "None", "null", "NA", "NaN", "NaT")


def role_column(data: Dataset, role: Literal["group", "environment", "time"]) -> str:
    """Give the name of the column with a role.

    Raises:
        NotAssessed: none was named.
    """
    name: str | None = getattr(data.roles, role)
    if name is None:
        raise NotAssessed(f"no {role} column is named: pass --{role} COLUMN")
    return name


def sensitive_columns(data: Dataset) -> tuple[str, ...]:
    """Name the columns whose groups must be treated alike.

    Raises:
        NotAssessed: none was named.
    """
    if not data.roles.sensitive:
        raise NotAssessed("no sensitive attribute is named: pass --sensitive COLUMN")
    return data.roles.sensitive


def is_known(values: np.ndarray) -> np.ndarray:
    """Say of metadata values (N,) which are given: (N,) bool."""
    if values.dtype.kind in "iub":
        return np.ones(len(values), dtype=bool)
    return ~np.isin(values.astype(str), UNKNOWN)


def joined(data: Dataset, name: str) -> np.ndarray:
    """Give a metadata column of the training rows followed by the test rows."""
    return np.concatenate([data.train.columns[name], data.test.columns[name]])


def clusters(data: Dataset, *splits: Split) -> np.ndarray | None:
    """Number the groups of rows, a row of no group being its own; None without a group column."""
    if data.roles.group is None:
        return None
    values = np.concatenate([split.columns[data.roles.group] for split in splits])
    known = is_known(values)
    numbers = np.arange(len(values)) + len(values)
    numbers[known] = np.unique(values[known].astype(str), return_inverse=True)[1]
    return numbers
