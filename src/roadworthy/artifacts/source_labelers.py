from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.numeric_inputs import as_numbers
from roadworthy.artifacts.roles import clusters, is_known, role_column
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import NotAssessed
from roadworthy.core.progress import Progress

LEAST = 5  # rows of a class in a half of a source
MOST = 500  # the same
MOST_SOURCES = 6
MOST_POOL = 1000
REPEATS = 10


@dataclass(frozen=True, eq=False)
class SourceLabelersValue:
    """What classifiers that learned from one source each say of the same rows.

    Args:
        rows: (P,) rows of the test split, which none of them saw.
        labels: (T, S, 2, P) positions in `classes`, for each repetition, source and half of it.
        classes: numbers of the classes that all sources have.
        sources: names, in the order of `labels`.
        per_class: rows of each class that each classifier learned from.
    """

    rows: Tensor
    labels: Tensor
    classes: tuple[int, ...]
    sources: tuple[str, ...]
    per_class: int


@dataclass(frozen=True)
class SourceLabelers(Artifact[SourceLabelersValue]):
    """Labels of the same test rows by classifiers of each source.

    The training rows of each source are dealt into two halves, whole groups into one, and a ridge
    classifier learns from each half: equally many rows of every class, the same for all sources.
    This is repeated with other halves. Inputs are columns, or pixels averaged down to 16 a side.
    """

    card = Card("source-labelers", "Labels by source", paper="arxiv:2102.02320")
    value = SourceLabelersValue

    def cost(self, subject: Subject) -> float:
        return 20.0 * REPEATS * min(2 * MOST * MOST_SOURCES, len(subject.dataset.train))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> SourceLabelersValue:
        data, seed = subject.dataset, subject.seed_for(self)
        sources, classes = comparable(data)
        generator = np.random.default_rng(seed)
        halves = [_halves(data, sources, classes, generator) for _ in range(REPEATS)]
        per_class = min(MOST, *(len(rows) for deal in halves for rows in deal.values()))
        if per_class < LEAST:
            raise NotAssessed(
                f"dealt by group, a half of a source has only {per_class} rows of a class; it "
                f"takes {LEAST}"
            )
        pool = np.flatnonzero(np.isin(data.test.y.numpy(), classes))
        pool = np.sort(generator.permutation(pool)[:MOST_POOL])
        train, test = _standardized(data, pool)
        labels = np.empty((REPEATS, len(sources), 2, len(pool)), dtype=np.int64)
        for t, deal in enumerate(halves):
            for s in range(len(sources)):
                for half in range(2):
                    rows = np.concatenate([deal[s, half, c][:per_class] for c in classes])
                    y = np.repeat(np.arange(len(classes)), per_class)
                    labels[t, s, half] = _learned(train[rows], y, test)
            progress.advance((t + 1) / REPEATS)
        return SourceLabelersValue(
            torch.from_numpy(pool), torch.from_numpy(labels), classes, sources, per_class
        )


def comparable(data: Dataset) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Name the sources that can be compared, and the classes that they share.

    The classes are those of the two sources that share most of them; every source that has them
    all takes part, the largest first.

    Raises:
        NotAssessed: no two sources have enough rows of two classes.
    """
    column = role_column(data, "environment")
    names, counts = _rows_by_source(data.train, column, len(data.classes))
    enough = counts >= 2 * LEAST
    shared = enough.astype(int) @ enough.T
    np.fill_diagonal(shared, 0)
    if shared.max(initial=0) < 2:
        raise NotAssessed(
            f"no two values of {column!r} share two labels with {2 * LEAST} training rows each"
        )
    size = counts.sum(1)
    pairs = np.argwhere(shared == shared.max())
    first, second = max(pairs, key=lambda pair: size[pair].sum())
    is_shared = enough[first] & enough[second]
    takes_part = enough[:, is_shared].all(1)
    order = sorted(np.flatnonzero(takes_part), key=lambda s: -size[s])[:MOST_SOURCES]
    return tuple(str(names[s]) for s in order), tuple(np.flatnonzero(is_shared).tolist())


def _rows_by_source(split: Split, column: str, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Name the sources and count their rows of each class (S, K)."""
    known = is_known(split.columns[column])
    names, code = np.unique(split.columns[column][known].astype(str), return_inverse=True)
    cells = np.bincount(code * classes + split.y.numpy()[known], minlength=len(names) * classes)
    return names, cells.reshape(len(names), classes)


def _halves(
    data: Dataset,
    sources: tuple[str, ...],
    classes: tuple[int, ...],
    generator: np.random.Generator,
) -> dict[tuple[int, int, int], np.ndarray]:
    """Deal the training rows into halves of sources: rows by source, half and class, shuffled."""
    train = data.train
    own = train.columns[role_column(data, "environment")].astype(str)
    groups, y = clusters(data, train), train.y.numpy()
    dealt = {}
    for s, source in enumerate(sources):
        rows = generator.permutation(np.flatnonzero(own == source))
        if groups is None:
            half = np.empty(len(rows), dtype=np.int64)
            for c in classes:  # so that each half has as many rows of each class
                half[y[rows] == c] = np.arange((y[rows] == c).sum()) % 2
        else:
            unit = np.unique(groups[rows], return_inverse=True)[1]
            half = generator.permutation(np.arange(unit.max() + 1) % 2)[unit]
        for h in range(2):
            for c in classes:
                dealt[s, h, c] = rows[(half == h) & (y[rows] == c)]
    return dealt


def _standardized(data: Dataset, pool: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give training rows and pool as numbers (N, E) of like size, by the training rows'."""
    train = as_numbers(data, data.train.x)[0].numpy()
    test = as_numbers(data, data.test.x[torch.from_numpy(pool)])[0].numpy()
    center, spread = train.mean(0), train.std(0)
    spread = np.where(spread > 0, spread, 1)
    return (train - center) / spread, (test - center) / spread


def _learned(x: np.ndarray, y: np.ndarray, pool: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import RidgeClassifier  # slow to import

    return np.asarray(RidgeClassifier(alpha=float(x.shape[1])).fit(x, y).predict(pool))
