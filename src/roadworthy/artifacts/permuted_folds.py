from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.cross_fitting import folds_of
from roadworthy.artifacts.learner import errors_of, passes_per_row
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.progress import Progress

FOLDS = 2
MOST = 2000


@dataclass(frozen=True, eq=False)
class PermutedFoldsValue:
    """How a model errs that was trained on labels without meaning.

    Args:
        errors: (R,) 1 where its answer for a row of the other fold is not that row's own label.
        guess: share of rows that the most frequent label is right on.
    """

    errors: Tensor
    guess: float


@dataclass(frozen=True)
class PermutedFolds(Artifact[PermutedFoldsValue]):
    """The model trained again on permuted labels, on two halves of at most 2000 training rows.

    What it gets right on the other half is chance, or it learned from elsewhere than the rows it
    was given.
    """

    card = Card("permuted-folds", "Trained on permuted labels", cost="minutes")
    value = PermutedFoldsValue

    def cost(self, subject: Subject) -> float:
        return passes_per_row(subject) * min(MOST, len(subject.dataset.train))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> PermutedFoldsValue:
        train, seed = subject.dataset.train, subject.seed_for(self)
        generator = torch.Generator().manual_seed(seed)
        part = train.take(torch.randperm(len(train), generator=generator)[:MOST].sort().values)
        part = replace(part, y=part.y[torch.randperm(len(part), generator=generator)])
        fold, errors = folds_of(part, None, FOLDS, seed), np.empty(len(part))
        for k in range(FOLDS):
            own = fold == k
            errors[own.numpy()] = errors_of(subject, part.take(~own), part.take(own), seed)
            progress.advance((k + 1) / FOLDS)
        guess = float(part.y.bincount().max()) / len(part)
        return PermutedFoldsValue(torch.from_numpy(errors), guess)
