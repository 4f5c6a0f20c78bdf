from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.artifacts.coordinates import coordinates
from roadworthy.artifacts.drawn_rows import some_rows
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.data_value import knn_shapley
from roadworthy.core.dataset import Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.progress import Progress


@dataclass(frozen=True, eq=False)
class DataValuesValue:
    """What training rows are worth to each other.

    Args:
        values: (N,) of the training rows, a mean over the rows asked.
        asked: how many training rows' labels were to be told.
    """

    values: Tensor
    asked: int


@dataclass(frozen=True)
class DataValues(Artifact[DataValuesValue]):
    """What each training row adds to telling the labels of others: KNN-Shapley.

    The labels of training rows are told by their neighbors among the other training rows, of other
    groups where groups are known; test rows are not looked at, so that they can still judge what is
    made of the values. Distances are between inputs on one scale: embeddings by a model that
    learned the labels would place a row by its label, be it wrong.

    Source: Jia et al. 2019, arXiv:1908.08619, theorem 1.

    Args:
        n: at most this many training rows are asked, drawn at random.
        neighbors: how many vote.
    """

    n: int
    neighbors: int = 5

    card = Card("data-values", "What training rows are worth", paper="arxiv:1908.08619")
    value = DataValuesValue

    def cost(self, subject: Subject) -> float:
        rows = len(subject.dataset.train)
        return rows * min(self.n, rows) / 100

    def compute(self, subject: Subject, get: Get, progress: Progress) -> DataValuesValue:
        data, train = subject.dataset, subject.dataset.train
        if data.task == Task.REGRESSION:
            raise NotAssessed("neighbors vote on classes; the target is a number")
        known = train.is_labelled.nonzero()[:, 0]
        labelled = train.take(known)
        asked = some_rows(len(known), self.n, subject.seed_for(self))
        (points,), _ = coordinates(data, labelled.x)
        group = clusters(data, labelled)
        unit = torch.arange(len(known)) if group is None else torch.from_numpy(group)
        found = knn_shapley(
            points,
            labelled.y,
            points[asked],
            labelled.y[asked],
            neighbors=self.neighbors,
            unit=unit,
            asked_unit=unit[asked],
        )
        values = torch.zeros(len(train), dtype=torch.double)
        values[known] = found
        return DataValuesValue(values, len(asked))
