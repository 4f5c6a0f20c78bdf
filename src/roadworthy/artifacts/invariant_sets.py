from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.labelled_rows import labelled_rows
from roadworthy.artifacts.roles import clusters, is_known, role_column
from roadworthy.causes.invariant_prediction import InvariantPrediction, invariant_prediction
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Feature, Split
from roadworthy.core.errors import NotAssessed
from roadworthy.core.progress import Progress

MOST = 2000  # rows
ROWS_PER_ENVIRONMENT = 30
MOST_COLUMNS = 8  # of whose subsets each is tested


@dataclass(frozen=True, eq=False)
class InvariantSetsValue:
    """How alike the residuals of the target on sets of columns are between environments.

    Args:
        columns: numbers of the columns whose subsets were tested.
        p_values: (2 ** C,) of each subset's residuals being alike; bit j of the index says that
            `columns[j]` is in the subset.
        environments: names of the environments.
        rows: how many rows of each.
    """

    columns: tuple[int, ...]
    p_values: Tensor
    environments: tuple[str, ...]
    rows: tuple[int, ...]

    @property
    def prediction(self) -> InvariantPrediction:
        """The same as the method gives it."""
        return InvariantPrediction(tuple(self.columns), self.p_values.numpy())


@dataclass(frozen=True)
class InvariantSets(Artifact[InvariantSetsValue]):
    """On which sets of columns the target depends alike in all environments.

    Invariant causal prediction (Peters et al. 2016, arXiv:1501.01332) on at most 2000 labelled
    training and test rows, one of each group, of environments with at least 30 of them, for the
    subsets of the 8 columns that say most of the target.
    """

    card = Card("invariant-sets", "Columns alike in all environments", paper="arxiv:1501.01332")
    value = InvariantSetsValue

    def cost(self, subject: Subject) -> float:
        return 500 * min(MOST, len(subject.dataset.train))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> InvariantSetsValue:
        data = subject.dataset
        rows = drawn(data, np.random.default_rng(subject.seed_for(self)))
        names = rows.columns[role_column(data, "environment")].astype(str)
        found, code, size = np.unique(names, return_inverse=True, return_counts=True)
        is_kept = size[code] >= ROWS_PER_ENVIRONMENT
        rows = rows.take(torch.from_numpy(is_kept))
        kept, code, size = np.unique(code[is_kept], return_inverse=True, return_counts=True)
        if len(kept) < 2:
            raise NotAssessed(
                f"fewer than two environments of {len(found)} have {ROWS_PER_ENVIRONMENT} rows"
            )
        y = rows.y.numpy()
        if y.dtype.kind != "f":
            y = np.unique(y, return_inverse=True)[1]  # classes that occur
        if len(np.unique(y)) < 2:
            raise NotAssessed("the target is the same in all rows")
        blocks = blocks_of(data.features, rows.x.double().numpy())
        result = invariant_prediction(blocks, y, code, MOST_COLUMNS)
        return InvariantSetsValue(
            result.columns,
            torch.from_numpy(result.p_values),
            tuple(str(found[k]) for k in kept),
            tuple(int(n) for n in size),
        )


def drawn(data: Dataset, generator: np.random.Generator) -> Split:
    """Draw labelled rows of known environment from training and test, one of each group."""
    whole = labelled_rows(data)
    order = generator.permutation(len(whole))
    order = order[is_known(whole.columns[role_column(data, "environment")])[order]]
    group = clusters(data, whole)
    if group is not None:
        order = order[np.sort(np.unique(group[order], return_index=True)[1])]
    return whole.take(torch.from_numpy(order[:MOST]))


def blocks_of(features: tuple[Feature, ...], x: np.ndarray) -> list[np.ndarray]:
    """Give the numbers (N, W) of each column (N, D): standardized, or 0 and 1 by category.

    The most frequent category is the one that all others are compared with; a column that does
    not vary has no numbers.
    """
    blocks = []
    # by column: each is of its own kind
    for feature, column in zip(features, x.T, strict=True):
        if feature.kind == "number":
            block = (column - column.mean())[:, None]
        else:
            found, times = np.unique(column, return_counts=True)
            block = (column[:, None] == np.delete(found, times.argmax())).astype(float)
        spread = block.std(0)
        blocks.append(block[:, spread > 0] / spread[spread > 0])
    return blocks
