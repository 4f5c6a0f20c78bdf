from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.cross_fitting import folds_of
from roadworthy.artifacts.drawn_rows import some_rows
from roadworthy.artifacts.plain_inputs import plain
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.errors import NotAssessed
from roadworthy.core.progress import Progress

FOLDS = 5
MOST = 2000
ROWS_PER_ENVIRONMENT = 10


@dataclass(frozen=True, eq=False)
class EnvironmentProbeValue:
    """Where rows come from, and where their inputs look like they come from.

    Args:
        rows: (R,) rows of the training split that were judged.
        environment: (R,) number of the row's environment.
        guess: (R,) number that a linear model gives it, fitted on other rows.
    """

    rows: Tensor
    environment: Tensor
    guess: Tensor


@dataclass(frozen=True)
class EnvironmentProbe(Artifact[EnvironmentProbeValue]):
    """Whether the input gives away which environment it comes from.

    A ridge classifier on columns, pixels averaged down to 16 a side or hashed words, cross-fitted
    on five folds of at most 2000 training rows; rows of one group lie in one fold. Environments of
    fewer than ten of these rows are left out.
    """

    card = Card("environment-probe", "Source seen in the input")
    value = EnvironmentProbeValue

    def cost(self, subject: Subject) -> float:
        return 20 * min(MOST, len(subject.dataset.train))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> EnvironmentProbeValue:
        data, seed = subject.dataset, subject.seed_for(self)
        assert data.roles.environment is not None
        rows = some_rows(len(data.train), MOST, seed)
        part = data.train.take(rows)
        names = part.columns[data.roles.environment].astype(str)
        found, code, size = np.unique(names, return_inverse=True, return_counts=True)
        kept = torch.from_numpy(size[code] >= ROWS_PER_ENVIRONMENT)
        if len(np.unique(code[kept.numpy()])) < 2:
            raise NotAssessed(
                f"only one of {len(found)} environments has {ROWS_PER_ENVIRONMENT} training rows"
            )
        part, code = part.take(kept), code[kept.numpy()]
        fold = folds_of(part, clusters(data, part), FOLDS, seed).numpy()
        guess = _cross_fitted(_seen(part.x), code, fold)
        return EnvironmentProbeValue(rows[kept], torch.from_numpy(code), torch.from_numpy(guess))


def _seen(x: Tensor) -> np.ndarray:
    """Standardized columns, pixels averaged down or hashed words: (N, D)."""
    flat = plain(x).numpy()
    spread = flat.std(0)
    return (flat - flat.mean(0)) / np.where(spread > 0, spread, 1)


def _cross_fitted(x: np.ndarray, code: np.ndarray, fold: np.ndarray) -> np.ndarray:
    guess = np.empty(len(code), dtype=np.int64)
    for k in range(FOLDS):
        own, rest = fold == k, fold != k
        if len(np.unique(code[rest])) == 1:  # a classifier needs two classes to tell apart
            guess[own] = code[rest][0]
            continue
        from sklearn.linear_model import RidgeClassifier  # slow to import

        ridge = RidgeClassifier(alpha=float(x.shape[1]), class_weight="balanced")
        guess[own] = ridge.fit(x[rest], code[rest]).predict(x[own])
    return guess
