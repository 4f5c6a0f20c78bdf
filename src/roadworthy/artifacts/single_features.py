from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.cross_fitting import folds_of
from roadworthy.artifacts.drawn_rows import some_rows
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Task
from roadworthy.core.progress import Progress

FOLDS = 3
LEAVES = 32
ROWS_PER_LEAF = 5


@dataclass(frozen=True, eq=False)
class SingleFeatureErrorsValue:
    """How far one column alone, and none, is off the target.

    Args:
        rows: (R,) rows of the training split that were judged.
        alone: (D, R) error of each column: 1 for a wrong class, or the squared error.
        none: (R,) error of the most frequent class, or of the mean.
    """

    rows: Tensor
    alone: Tensor
    none: Tensor


@dataclass(frozen=True)
class SingleFeatureErrors(Artifact[SingleFeatureErrorsValue]):
    """How well each column of a table alone predicts the target, on rows it was not fitted on.

    A decision tree of at most 32 leaves per column, cross-fitted on three folds of the training
    split; rows of one group lie in one fold.

    Args:
        n: at most this many rows, drawn at random.
    """

    n: int

    card = Card("single-feature-errors", "Each column on its own")
    value = SingleFeatureErrorsValue

    def cost(self, subject: Subject) -> float:
        return min(self.n, len(subject.dataset.train)) * len(subject.dataset.features)

    def compute(self, subject: Subject, get: Get, progress: Progress) -> SingleFeatureErrorsValue:
        train, seed = subject.dataset.train, subject.seed_for(self)
        rows = some_rows(len(train), self.n, seed)
        part = train.take(rows)
        group = clusters(subject.dataset, part)
        fold = folds_of(part, group, FOLDS, seed).numpy()
        x, y = part.x.numpy(), part.y.numpy()
        is_number = subject.dataset.task == Task.REGRESSION
        guess = y.mean() if is_number else np.bincount(y).argmax()
        alone = np.empty((x.shape[1], len(y)), dtype=np.float32)
        for j in range(x.shape[1]):
            said = _cross_fitted(x[:, [j]], y, fold, is_number)
            alone[j] = _errors(said, y, is_number)
            progress.advance((j + 1) / x.shape[1])
        none = _errors(np.full(len(y), guess), y, is_number)
        return SingleFeatureErrorsValue(rows, torch.from_numpy(alone), torch.from_numpy(none))


def _cross_fitted(x: np.ndarray, y: np.ndarray, fold: np.ndarray, is_number: bool) -> np.ndarray:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor  # slow to import

    kind = DecisionTreeRegressor if is_number else DecisionTreeClassifier
    said = np.empty(len(y), dtype=float)
    for k in range(FOLDS):
        tree = kind(max_leaf_nodes=LEAVES, min_samples_leaf=ROWS_PER_LEAF, random_state=0)
        said[fold == k] = tree.fit(x[fold != k], y[fold != k]).predict(x[fold == k])
    return said


def _errors(said: np.ndarray, y: np.ndarray, is_number: bool) -> np.ndarray:
    errors: np.ndarray = np.square(said - y) if is_number else said != y
    return errors.astype(np.float32)
