from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.drawn_rows import some_rows
from roadworthy.artifacts.outlier_scores import far_from
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import conformal_p_values
from roadworthy.core.progress import Progress

RARE = 0.01  # p-value of a row that is worth a look; of clean rows so many have it by chance
FEWEST = 99  # calibrating rows, with which a p-value can be that small


@dataclass(frozen=True, eq=False)
class TrainingOutliersValue:
    """How surely training rows are unlike the others.

    Args:
        rows: (R,) which training rows were looked at.
        p_values: (R,) chance of a row being as far from others, were it like the test rows.
    """

    rows: Tensor
    p_values: Tensor


@dataclass(frozen=True)
class TrainingOutliers(Artifact[TrainingOutliersValue]):
    """Training rows unlike the other training rows.

    Each half of the training rows, by whole groups, is measured by the other: the distance to the
    fifth nearest row of that half. How far test rows, of each group one, are from it makes a
    p-value of that. So only such rows stand out as are rarer in the training than in the test
    split. Distances are as for `outlier-scores`.

    Source: Bates et al. 2023, arXiv:2104.08279.

    Args:
        n: at most this many rows of each split.
    """

    n: int

    card = Card("training-outliers", "Training rows unlike the others", paper="arxiv:2104.08279")
    value = TrainingOutliersValue

    def cost(self, subject: Subject) -> float:
        return 0.2 * min(self.n, len(subject.dataset.train))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> TrainingOutliersValue:
        data, seed = subject.dataset, subject.seed_for(self)
        generator = np.random.default_rng(seed)
        rows = some_rows(len(data.train), self.n, seed)
        train, test = data.train.take(rows), data.test
        usual = generator.permutation(len(test))[: self.n]
        group = clusters(data, test)
        if group is not None:
            usual = usual[np.unique(group[usual], return_index=True)[1]]
        if len(usual) < FEWEST:
            raise NotAssessed(
                f"{len(usual)} test rows, or groups, are there to calibrate by; {FEWEST} are needed"
            )
        group = clusters(data, train)
        unit = np.unique(np.arange(len(train)) if group is None else group, return_inverse=True)[1]
        half = torch.from_numpy(generator.permutation(int(unit.max()) + 1)[unit] % 2)
        p_values = torch.empty(len(train), dtype=torch.double)
        for k in (0, 1):  # each half is the reference once
            reference, seen = train.x[half == k], train.x[half != k]
            if not len(reference):
                raise NotAssessed("all training rows are of one group")
            (far, _), (scores, _) = far_from(data, reference, test.x[torch.from_numpy(usual)], seen)
            found = conformal_p_values(np.sort(far.numpy()), scores.numpy())
            p_values[half != k] = torch.from_numpy(found)
        return TrainingOutliersValue(rows, p_values)
