from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.cross_fitting import folds_of
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.progress import Progress

MOST = 10_000
FOLDS = 5
LEAVES = 32
ROWS_PER_LEAF = 20
SHUFFLES = 20


@dataclass(frozen=True, eq=False)
class MissingnessProbeValue:
    """How far predictions of the target are off, squared; of classes summed over their shares.

    Args:
        rows: (R,) rows of the training split that were judged.
        none: (R,) error of a guess that knows nothing of the row.
        told: (R,) error of a prediction that knows which values are missing.
        shuffled: (S,) share of the guess's error that is avoided with the targets shuffled.
    """

    rows: Tensor
    none: Tensor
    told: Tensor
    shuffled: Tensor


@dataclass(frozen=True)
class MissingnessProbe(Artifact[MissingnessProbeValue]):
    """How well the pattern of missing values predicts the target, on rows it was not fitted on.

    A regression tree of at most 32 leaves on which values are missing, cross-fitted on five folds
    of at most 10,000 training rows; rows of one group lie in one fold. As a control the same with
    shuffled targets, 20 times.
    """

    card = Card("missingness-probe", "What missing values tell of the target")
    value = MissingnessProbeValue

    def cost(self, subject: Subject) -> float:
        return SHUFFLES * min(MOST, len(subject.dataset.train))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> MissingnessProbeValue:
        data, generator = subject.dataset, np.random.default_rng(subject.seed_for(self))
        rows = torch.from_numpy(np.sort(generator.permutation(len(data.train))[:MOST]))
        part = data.train.take(rows)
        gaps = missing_values(part).numpy()
        gaps = gaps[:, gaps.any(0)].astype(np.float32)
        fold = folds_of(part, clusters(data, part), FOLDS, subject.seed_for(self)).numpy()
        y = _targets(data, part)
        none, told = _errors(gaps, y, fold)
        shuffled = []
        for k in range(SHUFFLES):
            blind, fooled = _errors(gaps, generator.permutation(y), fold)
            shuffled.append(1 - fooled.sum() / max(blind.sum(), 1e-300))
            progress.advance((k + 1) / SHUFFLES)
        return MissingnessProbeValue(
            rows, torch.from_numpy(none), torch.from_numpy(told), torch.tensor(shuffled)
        )


def missing_values(split: Split) -> Tensor:
    """Say which features (N, D) of a table are missing, filled in or not."""
    missing = split.x.isnan()
    return missing if split.missing is None else missing | split.missing


def _targets(data: Dataset, part: Split) -> np.ndarray:
    """Numbers (N, 1), or the classes one-hot encoded."""
    if data.task == Task.REGRESSION:
        return part.y.double().numpy()[:, None]
    return np.eye(len(data.classes))[part.y.numpy()]


def _errors(gaps: np.ndarray, y: np.ndarray, fold: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.tree import DecisionTreeRegressor  # slow to import

    none, told = np.empty_like(y), np.empty_like(y)
    for k in range(FOLDS):
        own, rest = fold == k, fold != k
        none[own] = told[own] = y[rest].mean(0)
        if gaps.shape[1]:
            tree = DecisionTreeRegressor(
                max_leaf_nodes=LEAVES, min_samples_leaf=ROWS_PER_LEAF, random_state=0
            )
            told[own] = tree.fit(gaps[rest], y[rest]).predict(gaps[own]).reshape(-1, y.shape[1])
    return np.square(y - none).sum(1), np.square(y - told).sum(1)
