from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.artifacts.answers import answers
from roadworthy.artifacts.drawn_rows import drawn_rows
from roadworthy.artifacts.predictions import Predictions, outputs_on
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.progress import Progress

MOST = 500


@dataclass(frozen=True, eq=False)
class ColumnRelianceValue:
    """How far the model's answers move when a column is shuffled.

    Args:
        moved: (D, R) of each column and row: half the sum of the changes of the probabilities, or
            the change of the number over the standard deviation of the training targets.
    """

    moved: Tensor


@dataclass(frozen=True)
class ColumnReliance(Artifact[ColumnRelianceValue]):
    """Which columns of a table the model uses.

    The values of one column at a time are dealt anew among at most 500 test rows (after Fisher et
    al. 2019, arXiv:1801.01489). What moves is the answer, not its error: a column can be used
    without being of use.
    """

    card = Card("column-reliance", "Columns that the model uses", paper="arxiv:1801.01489")
    value = ColumnRelianceValue

    def needs(self, subject: Subject) -> tuple[Artifact[object], ...]:
        return (Predictions("test"),)

    def cost(self, subject: Subject) -> float:
        return min(MOST, len(subject.dataset.test)) * len(subject.dataset.features)

    def compute(self, subject: Subject, get: Get, progress: Progress) -> ColumnRelianceValue:
        data = subject.dataset
        rows = drawn_rows(subject, MOST)
        generator = torch.Generator().manual_seed(subject.seed_for(self))
        before = answers(subject, get(Predictions("test")).outputs[rows])
        x = data.test.x[rows]
        moved = torch.empty(x.shape[1], len(x), dtype=torch.double)
        for j in range(x.shape[1]):
            shuffled = x.clone()
            shuffled[:, j] = x[torch.randperm(len(x), generator=generator), j]
            after = answers(subject, outputs_on(subject.model, shuffled, subject.device))
            moved[j] = (after - before).abs().sum(1) / (2 if data.classes else 1)
            progress.advance((j + 1) / x.shape[1])
        return ColumnRelianceValue(moved)
