"""Rows of a table as if they were of another group, alone or with what moves along."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.numeric_inputs import as_numbers
from roadworthy.artifacts.roles import is_known, joined
from roadworthy.core.dataset import Dataset
from roadworthy.core.groups import named_groups
from roadworthy.core.streams import Streams

ASSOCIATED = 0.01  # share of a column's variance between the groups: Cohen's (1988) small effect
NEAREST = 5  # rows, one of which is drawn
TIE = 1e-6  # of a deviation: equally near rows are drawn at random
BATCH = 256


@dataclass(frozen=True, eq=False)
class Groups:
    """Which group each row is of, by number; -1 where it is not known.

    Args:
        names: of the groups.
        train: (N,) of the training rows.
        test: (M,) of the test rows.
    """

    names: tuple[str, ...]
    train: Tensor
    test: Tensor

    @classmethod
    def of(cls, data: Dataset, attribute: str) -> "Groups":
        """Number the groups of a sensitive attribute; numbers are cut at their quartiles."""
        values = joined(data, attribute)
        named = named_groups(values)
        known = is_known(values) & (named != "missing")
        names, code = np.unique(named[known], return_inverse=True)
        number = np.full(len(values), -1)
        number[known] = code
        train, test = torch.from_numpy(number).split([len(data.train), len(data.test)])
        return cls(tuple(map(str, names)), train, test)


def with_attribute_of(
    data: Dataset, rows: Tensor, groups: Groups, column: int, other: bool, streams: Streams
) -> Tensor:
    """Give test rows (R,) the attribute of a random training row of another, or the same, group."""
    nothing = torch.zeros(len(rows), 0), torch.zeros(len(data.train), 0)
    x, donor = data.test.x[rows].clone(), _donors(*nothing, rows, groups, other, streams)
    x[:, column] = data.train.x[donor, column]
    return x


def with_all_of(
    data: Dataset, rows: Tensor, groups: Groups, column: int | None, other: bool, streams: Streams
) -> Tensor:
    """Give test rows (R,) all that moves along with the attribute from a similar training row.

    The row is one of the nearest of another, or the same, group by the columns that do not move
    along; those that do, and the attribute, are taken from it.
    """
    moving = moving_along(data, groups)
    if column is not None:
        moving[column] = True
    train, owner = as_numbers(data, data.train.x)
    test, is_kept = as_numbers(data, data.test.x[rows])[0], ~moving[owner]
    donor = _donors(test[:, is_kept], train[:, is_kept], rows, groups, other, streams)
    x = data.test.x[rows].clone()
    x[:, moving] = data.train.x[donor][:, moving]
    return x


def moving_along(data: Dataset, groups: Groups) -> Tensor:
    """Say which columns (D,) differ between the groups in the training split.

    By the share of variance that lies between groups, corrected for its bias (epsilon squared,
    Kelley 1935, doi:10.1073/pnas.21.9.554); of a category by the value that differs most.
    """
    known = groups.train >= 0
    code = groups.train[known]
    values, owner = as_numbers(data, data.train.x[known])
    count = len(groups.names)
    sizes = torch.bincount(code, minlength=count).double()
    sums = torch.zeros(count, values.shape[1], dtype=values.dtype).index_add_(0, code, values)
    center = values.mean(0)
    means = sums / sizes.clamp_min(1)[:, None]
    between = (sizes[:, None] * (means - center).square()).sum(0)
    total = (values - center).square().sum(0).clamp_min(1e-12)
    shared = 1 - (1 - between / total) * (len(code) - 1) / max(1, len(code) - count)
    largest = torch.zeros(len(data.features), dtype=values.dtype)
    return largest.scatter_reduce_(0, owner, shared, "amax") >= ASSOCIATED


def _donors(
    test: Tensor, train: Tensor, rows: Tensor, groups: Groups, other: bool, streams: Streams
) -> Tensor:
    """Draw for each test row one of its nearest training rows of another, or the same, group (R,).

    Rows are compared by `test` (R, E) and `train` (N, E); without columns all are equally near.
    """
    donors = []
    for part in torch.arange(len(rows)).split(BATCH):  # all distances at once would not fit
        own = groups.test[rows[part]][:, None]
        fits = (groups.train != own) & (groups.train >= 0) if other else groups.train == own
        draws = streams.take(part)
        distance = torch.cdist(test[part].double(), train.double())
        distance += TIE * draws.uniform((len(train),), torch.float64)
        near = distance.masked_fill(~fits, torch.inf).topk(
            min(NEAREST, len(train)), largest=False, sorted=True
        )
        found = near.values.isfinite().sum(1)
        pick = draws.integers(found.clamp_min(1))
        donors.append(near.indices.gather(1, pick[:, None])[:, 0])
    return torch.cat(donors)
