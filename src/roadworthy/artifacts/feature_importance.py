from dataclasses import dataclass

import numpy as np
import torch
from scipy import cluster, stats
from torch import Tensor

from roadworthy.artifacts.drawn_rows import drawn_rows
from roadworthy.artifacts.predictions import outputs_on
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset
from roadworthy.core.progress import Progress

REPEATS = 5
CORRELATED = 0.7  # rank correlation from which on columns stand in for each other
MOST_ROWS = 5000  # for the correlations
GRID = 4  # patches along a side
RIM = 1 / 8  # of a side


@dataclass(frozen=True, eq=False)
class FeatureImportanceValue:
    """How much worse the model is when a part of its input is another row's.

    Args:
        rows: (R,) test rows that were judged.
        parts: (P, D) which columns, or pixels of (H, W) flattened, are in each part.
        errors: (R,) 1 for a wrong class, or the squared error, of the inputs as they are.
        increase: (P, R) by how much the error is larger with the part of another row.
        changed: (P, R) how often the answer is another one; for regression, how far it moves.
    """

    rows: Tensor
    parts: Tensor
    errors: Tensor
    increase: Tensor
    changed: Tensor


@dataclass(frozen=True)
class FeatureImportance(Artifact[FeatureImportanceValue]):
    """Permutation importance of columns, of correlated columns together, or of image regions.

    A row gets a part of its input from another row, never from itself: e_switch of Fisher, Rudin,
    Dominici 2019, by five donors a row. Parts of a table are its columns, followed by groups of
    columns (complete linkage at a rank correlation of 0.7): alone, a column whose twin stays looks
    unimportant. Parts of an image are 16 patches, followed by the rim (an eighth of each side) and
    what it encloses.

    Differs from the paper: five donors stand for all others.

    Args:
        n: at most this many test rows, drawn at random.
    """

    n: int

    card = Card("feature-importance", "Permutation importance", paper="arxiv:1801.01489")
    value = FeatureImportanceValue

    def cost(self, subject: Subject) -> float:
        columns = len(subject.dataset.features)
        parts = 1.5 * columns if columns else GRID**2 + 2
        return REPEATS * parts * min(self.n, len(subject.dataset.test))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> FeatureImportanceValue:
        data, seed = subject.dataset, subject.seed_for(self)
        rows = drawn_rows(subject, self.n)
        x, y = data.test.x[rows], data.test.y[rows]
        parts = parts_of(data)
        before = outputs_on(subject.model, x, subject.device)
        errors = _errors(before, y)
        increase = torch.zeros(len(parts), len(rows))
        changed = torch.zeros(len(parts), len(rows))
        donors = donors_of(len(rows), REPEATS, seed)
        for place, part in enumerate(parts):
            for donor in donors:
                mixed = torch.where(part.reshape(x.shape[-2:] if x.ndim == 4 else -1), x[donor], x)
                after = outputs_on(subject.model, mixed, subject.device)
                increase[place] += (_errors(after, y) - errors) / REPEATS
                changed[place] += _moved(before, after) / REPEATS
            progress.advance((place + 1) / len(parts))
        return FeatureImportanceValue(rows, parts, errors, increase, changed)


def donors_of(rows: int, repeats: int, seed: int) -> Tensor:
    """Draw another row for each row: (repeats, R)."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.stack([torch.randperm(rows, generator=generator) for _ in range(repeats)])
    # each row gets its successor in a random ring, so that no row gets itself
    return torch.empty_like(order).scatter_(1, order, order.roll(1, 1))


def parts_of(data: Dataset) -> Tensor:
    """Cut the input into parts (P, D)."""
    if data.kind == "image":
        height, width = data.train.x.shape[-2:]
        down, across = (torch.arange(side) * GRID // side for side in (height, width))
        patch = (GRID * down[:, None] + across).flatten()
        patches = patch == torch.arange(GRID**2)[:, None]
        inner = torch.ones(height, width, dtype=torch.bool)
        up, left = (max(1, round(RIM * side)) for side in (height, width))
        inner[:up], inner[-up:], inner[:, :left], inner[:, -left:] = False, False, False, False
        region = inner.flatten()
        return torch.cat([patches[patches.any(1)], ~region[None], region[None]])
    columns = torch.eye(data.train.x.shape[1], dtype=torch.bool)
    group = correlated(data.train.x[:MOST_ROWS].double().numpy())
    groups = torch.from_numpy(group == np.unique(group)[:, None])
    return torch.cat([columns, groups[groups.sum(1) > 1]])


def correlated(x: np.ndarray) -> np.ndarray:
    """Number groups of columns (D,) of which any two have a rank correlation of 0.7 or more."""
    if x.shape[1] == 1:
        return np.ones(1, dtype=int)
    ranks = stats.rankdata(x, axis=0)
    ranks -= ranks.mean(0)
    norm = np.linalg.norm(ranks, axis=0)
    ranks /= np.where(norm > 0, norm, 1)  # a constant column is correlated with nothing
    apart = 1 - np.abs(ranks.T @ ranks).clip(max=1)
    links = cluster.hierarchy.complete(apart[np.triu_indices(len(apart), 1)])
    return np.asarray(cluster.hierarchy.fcluster(links, 1 - CORRELATED, "distance"))


def _errors(outputs: Tensor, y: Tensor) -> Tensor:
    if outputs.ndim == 1:
        return (outputs - y).square()
    return (outputs.argmax(1) != y).float()


def _moved(before: Tensor, after: Tensor) -> Tensor:
    if before.ndim == 1:
        return (after - before).abs()
    return (after.argmax(1) != before.argmax(1)).float()
