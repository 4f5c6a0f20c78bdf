"""The columns of a table as they were measured, without what was filled in."""

from dataclasses import dataclass

import numpy as np

from roadworthy.artifacts.missingness_probe import missing_values
from roadworthy.artifacts.roles import clusters, is_known
from roadworthy.core.dataset import Dataset, Split

MOST_ENVIRONMENTS = 50
FEWEST = 30  # rows of an environment


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of one split or environment, beside those they are compared with.

    Args:
        name: what a sentence calls it.
        values: (N, D) its features, NaN where they are missing or filled in.
        others: (M, D) those of the training split, or of all other environments.
        groups: how many groups its rows are of; rows, where no groups are named.
        is_environment: it is no split.
    """

    name: str
    values: np.ndarray
    others: np.ndarray
    groups: int
    is_environment: bool


def measured(split: Split) -> np.ndarray:
    """Give the features (N, D) of a table, NaN where they are missing or filled in."""
    return np.where(missing_values(split).numpy(), np.nan, split.x.double().numpy())


def measured_by_all(data: Dataset) -> np.ndarray:
    """Give the same of the rows of all splits."""
    return np.concatenate([measured(split) for split in data.splits])


def parts_of(data: Dataset) -> tuple[Part, ...]:
    """Give every split but the training split, and the largest environments."""
    x = measured_by_all(data)
    home = np.repeat([split.name for split in data.splits], [len(split) for split in data.splits])
    group = clusters(data, *data.splits)
    if group is None:
        group = np.arange(len(x))
    is_train = home == "train"
    own_splits = [split.name for split in data.splits if split is not data.train]
    splits = [(f"the {name} split", home == name, is_train) for name in own_splits]
    return tuple(
        Part(name, x[own], x[others], len(np.unique(group[own])), is_environment)
        for is_environment, masks in ((False, splits), (True, _environments(data)))
        for name, own, others in masks
    )


def _environments(data: Dataset) -> list[tuple[str, np.ndarray, np.ndarray]]:
    column = data.roles.environment
    if column is None:
        return []
    values = np.concatenate([split.columns[column] for split in data.splits])
    known, values = is_known(values), values.astype(str)
    names, sizes = np.unique(values[known], return_counts=True)
    largest = np.argsort(-sizes, kind="stable")[:MOST_ENVIRONMENTS]
    kept = [str(names[k]) for k in largest if sizes[k] >= FEWEST and len(names) > 1]
    return [(f"{column} {name!r}", values == name, known & (values != name)) for name in kept]
