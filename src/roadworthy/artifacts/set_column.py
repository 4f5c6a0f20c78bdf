from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.artifacts.answers import answers
from roadworthy.artifacts.drawn_rows import drawn_rows
from roadworthy.artifacts.predictions import outputs_on
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.progress import Progress

MOST = 1000


@dataclass(frozen=True, eq=False)
class SetColumnValue:
    """What the model says where a column is set to one value, and to another.

    Args:
        low: (R, K) probabilities, or (R, 1) numbers in standard deviations of the training
            targets, at the lower value.
        high: the same at the higher one.
        step: the difference of the two values.
    """

    low: Tensor
    high: Tensor
    step: float


@dataclass(frozen=True)
class SetColumn(Artifact[SetColumnValue]):
    """What the model answers to "what if this column were so".

    At most 1000 test rows with one column changed and all others as they are: a column of two
    values is set to each of them, any other number to half a standard deviation below and above
    the row's own.

    Args:
        column: number of the column.
    """

    column: int

    card = Card("set-column", "Answers to what if")
    value = SetColumnValue

    def cost(self, subject: Subject) -> float:
        return 2 * min(MOST, len(subject.dataset.test))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> SetColumnValue:
        data = subject.dataset
        x = data.test.x[drawn_rows(subject, MOST)]
        values = torch.cat([split.x[:, self.column] for split in (data.train, data.test)]).unique()
        if len(values) == 2:
            ends = (values[0].expand(len(x)), values[1].expand(len(x)))
        else:
            own, half = x[:, self.column], data.features[self.column].scale / 2
            ends = own - half, own + half
        said = []
        for end in ends:
            changed = x.clone()
            changed[:, self.column] = end
            said.append(answers(subject, outputs_on(subject.model, changed, subject.device)))
        return SetColumnValue(said[0], said[1], float((ends[1] - ends[0]).mean()))
