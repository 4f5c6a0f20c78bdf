from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.coordinates import coordinates
from roadworthy.artifacts.roles import clusters
from roadworthy.artifacts.shingles import incidence
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.progress import Progress
from roadworthy.core.text import folded, to_codes, to_texts

NEIGHBORS = 5
RUN = 3  # characters of a shingle: texts of one language share many
CHUNK = 512


@dataclass(frozen=True, eq=False)
class OutlierScoresValue:
    """How far rows are from the rows that a half of the training split gives.

    Args:
        rows: (R,) which rows of the split were looked at.
        scores: (R,) distance to the fifth nearest reference row.
        calibration: (C,) the same of training rows that are no reference; of each group one.
        column: (R,) the column that the row differs by most from that neighbor; -1 for images and
            texts.
    """

    rows: Tensor
    scores: Tensor
    calibration: Tensor
    column: Tensor


@dataclass(frozen=True)
class OutlierScores(Artifact[OutlierScoresValue]):
    """How far rows of a split are from all training rows.

    Half of the training rows, by whole groups, are the reference; the other half tells how far rows
    usually are from it. Numbers are in units of the reference's spread, two different categories at
    distance 1; images are averaged down to 16 pixels a side and projected on the 30 largest
    components of the reference; the distance of texts is 1 minus the cosine of the sets of runs of
    three characters that they hold, ends included. Embeddings by the model would not do: it has
    seen the training rows and places them differently.

    Args:
        split: whose rows are looked at.
        n: at most this many of them, and of the training rows.
    """

    split: str
    n: int

    card = Card("outlier-scores", "How far rows are from the training rows")
    value = OutlierScoresValue

    def cost(self, subject: Subject) -> float:
        return 0.1 * min(self.n, len(subject.dataset.split(self.split)))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> OutlierScoresValue:
        data, generator = subject.dataset, np.random.default_rng(subject.seed_for(self))
        split = data.split(self.split)
        rows = torch.from_numpy(np.sort(generator.permutation(len(split))[: self.n]))
        reference, calibration = _halves(data, self.n, generator)
        (usual, _), (scores, column) = far_from(data, reference.x, calibration.x, split.x[rows])
        return OutlierScoresValue(rows, scores, usual, column)


def _halves(data: Dataset, n: int, generator: np.random.Generator) -> tuple[Split, Split]:
    """Draw reference and calibration rows of different groups; of the latter one a group."""
    train = data.train.take(torch.from_numpy(generator.permutation(len(data.train))[:n]))
    group = clusters(data, train)
    if group is None:
        group = np.arange(len(train))
    _, first, number = np.unique(group, return_index=True, return_inverse=True)
    is_reference = np.zeros(len(first), dtype=bool)
    is_reference[generator.permutation(len(first))[: (len(first) + 1) // 2]] = True
    calibration = np.sort(first[~is_reference])
    reference = train.take(torch.from_numpy(is_reference[number]))
    return reference, train.take(torch.from_numpy(calibration))


def far_from(
    data: Dataset, reference: Tensor, *others: Tensor
) -> tuple[tuple[Tensor, Tensor], ...]:
    """Tell how far sets of rows are from reference rows, and the columns that make most of it.

    Returns:
        Of each set the distance (N,) to the fifth nearest reference row, and the column (N,), which
        is -1 for images and texts.
    """
    if data.kind == "text":
        return tuple((far, torch.full((len(far),), -1)) for far in _unlike(reference, *others))
    (known, *sets), column = coordinates(data, reference, *others)
    return tuple(_distances(points, known, column) for points in sets)


def _unlike(reference: Tensor, *others: Tensor) -> list[Tensor]:
    """Give of each set of texts (N, L) the distance (N,) to the fifth nearest reference text."""
    plain = to_texts(folded(torch.cat([reference, *others])))
    texts = to_codes([f" {text} " for text in plain])  # a word alone shares its ends with others
    found = incidence(RUN, *texts.split([len(reference), *map(len, others)]))
    known, *sets = (part / np.sqrt(part.sum(1)).clip(1)[:, None] for part in found)
    k = min(NEIGHBORS, len(reference))
    return [torch.from_numpy(_kth_distance(part.tocsr(), known.tocsr(), k)) for part in sets]


def _kth_distance(points: Any, known: Any, k: int) -> np.ndarray:
    """Give 1 minus the k-th largest product (N,) of sparse rows (N, S) with those of (R, S)."""
    found = np.empty(points.shape[0])
    for start in range(0, len(found), CHUNK):  # all products at once would not fit
        alike = (points[start : start + CHUNK] @ known.T).toarray()
        found[start : start + CHUNK] = 1 - np.partition(alike, -k, axis=1)[:, -k]
    return found


def _distances(points: Tensor, known: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
    """Distance (N,) to the fifth nearest of `known`, and the column (N,) that makes most of it."""
    k = min(NEIGHBORS, len(known))
    found = [torch.cdist(part, known).topk(k, largest=False) for part in points.split(CHUNK)]
    distance = torch.cat([part.values[:, -1] for part in found])
    if not len(column):
        return distance, torch.full((len(points),), -1)
    neighbor = torch.cat([part.indices[:, -1] for part in found])
    squares = (points - known[neighbor]).square()
    by_column = squares.new_zeros(len(points), int(column[-1]) + 1).index_add(1, column, squares)
    return distance, by_column.argmax(1)
