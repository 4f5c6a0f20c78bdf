from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.artifacts.coarse_pixels import SIDE, coarse
from roadworthy.artifacts.cross_fitting import folds_of
from roadworthy.artifacts.drawn_rows import some_rows
from roadworthy.artifacts.predictions import PredictionsValue, outputs_on
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.progress import Progress, Silent
from roadworthy.core.training import Recipe
from roadworthy.recipes import BagOfWords, LogisticRegression, Ridge

MOST_ROWS = 5000
ITERATIONS = 200
FOLDS = 4


@dataclass(frozen=True)
class SimplePredictions(Artifact[PredictionsValue]):
    """What a linear model, fitted on the training rows, says of the test rows.

    Logistic regression, or ridge regression for numbers, on at most 5000 training rows drawn at
    random; images are averaged down to 16 pixels a side. Of texts, a linear model of the words.
    Training rows are in four folds, each judged by a model fitted on the others; rows of one group
    lie in one fold.

    Args:
        split: `test` or `train`.
    """

    split: str = "test"

    card = Card("simple-predictions", "Predictions of a simple model")
    value = PredictionsValue

    def cost(self, subject: Subject) -> float:
        fits = 1 if self.split == "test" else FOLDS
        return 20 * fits * min(MOST_ROWS, len(subject.dataset.train))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> PredictionsValue:
        data, seed = subject.dataset, subject.seed_for(self)
        if self.split == "test":
            return PredictionsValue(_told(data, data.train, data.test, seed, progress))
        fold = folds_of(data.train, clusters(data, data.train), FOLDS, seed)
        outputs = torch.empty(len(data.train), max(1, len(data.classes)))
        for k in range(FOLDS):
            known, asked = (data.train.take(rows) for rows in (fold != k, fold == k))
            outputs[fold == k] = _told(data, known, asked, seed, Silent()).reshape(len(asked), -1)
            progress.advance((k + 1) / FOLDS)
        return PredictionsValue(outputs if data.classes else outputs[:, 0])


def _told(data: Dataset, known: Split, asked: Split, seed: int, progress: Progress) -> Tensor:
    """Give what a linear model learned from some rows says of others."""
    rows = some_rows(len(known), MOST_ROWS, seed)
    train, test = (
        _small(replace(part, name=name))
        for part, name in ((known.take(rows), "train"), (asked, "test"))
    )
    if data.task != Task.REGRESSION and len(train.y.unique()) < 2:
        raise NotAssessed("the training rows have one class only")
    # a recipe reads shapes and bounds from the training split that the dataset has
    small: Dataset = replace(data, splits=(train, test))
    return outputs_on(_recipe(data).fit(small, train, seed, progress), test.x, "cpu")


def _recipe(data: Dataset) -> Recipe:
    if data.kind == "text":
        return BagOfWords()
    is_number = data.task == Task.REGRESSION
    return Ridge() if is_number else LogisticRegression(iterations=ITERATIONS)


def parameters_of(data: Dataset) -> int:
    """Count the numbers that the simple model learns."""
    outputs = max(1, len(data.classes))
    if data.kind == "text":
        columns = BagOfWords().room_for(data.train.x)
    elif data.features:
        columns = sum(max(1, len(feature.categories)) for feature in data.features)
    else:
        channels, height, width = data.train.x.shape[1:]
        columns = channels * min(SIDE, height) * min(SIDE, width)
    return (columns + 1) * outputs


def _small(split: Split) -> Split:
    return split if split.x.ndim != 4 else replace(split, x=coarse(split.x))
