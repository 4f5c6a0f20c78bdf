from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.cross_fitting import folds_of
from roadworthy.artifacts.learner import errors_of, passes_per_row
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.progress import Progress

FOLDS = 4
MOST = 2000


@dataclass(frozen=True, eq=False)
class FoldErrorsValue:
    """How a model errs on rows of folds that it was not trained on.

    Args:
        rows: (R,) rows of the training split that were judged.
        by_group: (R,) error where rows of one group lie in one fold.
        at_random: (R,) error where each row lies in a fold of its own drawing.
    """

    rows: Tensor
    by_group: Tensor
    at_random: Tensor


@dataclass(frozen=True)
class FoldErrors(Artifact[FoldErrorsValue]):
    """Cross-validation of the same model twice: with folds by group, and with random ones.

    Four folds of whole groups with at most 2000 training rows. The model is trained again, or a
    quick linear one where it cannot be.
    """

    card = Card("fold-errors", "Folds by group and at random", cost="minutes")
    value = FoldErrorsValue

    def cost(self, subject: Subject) -> float:
        rows = min(MOST, len(subject.dataset.train))
        return passes_per_row(subject) * 2 * (FOLDS - 1) * rows

    def compute(self, subject: Subject, get: Get, progress: Progress) -> FoldErrorsValue:
        data, seed = subject.dataset, subject.seed_for(self)
        groups = clusters(data, data.train)
        assert groups is not None
        rows = _whole_groups(groups, seed)
        part = data.train.take(torch.from_numpy(rows))
        found = []
        for own in (groups[rows], None):
            fold, errors = folds_of(part, own, FOLDS, seed), np.empty(len(rows))
            for k in range(FOLDS):
                rest, held = part.take(fold != k), part.take(fold == k)
                errors[(fold == k).numpy()] = errors_of(subject, rest, held, seed)
                progress.advance((len(found) * FOLDS + k + 1) / (2 * FOLDS))
            found.append(torch.from_numpy(errors))
        return FoldErrorsValue(torch.from_numpy(rows), *found)


def _whole_groups(groups: np.ndarray, seed: int) -> np.ndarray:
    """Draw groups (N,) until they have about `MOST` rows; give the rows in order."""
    _, member, size = np.unique(groups, return_inverse=True, return_counts=True)
    drawn = np.random.default_rng(seed).permutation(len(size))
    kept = drawn[: max(FOLDS, int(np.searchsorted(np.cumsum(size[drawn]), MOST, "right")))]
    return np.flatnonzero(np.isin(member, kept))
