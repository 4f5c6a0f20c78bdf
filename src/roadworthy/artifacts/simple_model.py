from dataclasses import dataclass, replace

from roadworthy.artifacts.coarse_pixels import SIDE, coarse
from roadworthy.artifacts.drawn_rows import some_rows
from roadworthy.artifacts.predictions import PredictionsValue, outputs_on
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.progress import Progress
from roadworthy.recipes import LogisticRegression, Ridge

MOST_ROWS = 5000
ITERATIONS = 200


@dataclass(frozen=True)
class SimplePredictions(Artifact[PredictionsValue]):
    """What a linear model, fitted on the training rows, says of the test rows.

    Logistic regression, or ridge regression for numbers, on at most 5000 training rows drawn at
    random; images are averaged down to 16 pixels a side.
    """

    card = Card("simple-predictions", "Predictions of a simple model")
    value = PredictionsValue

    def cost(self, subject: Subject) -> float:
        return 20 * min(MOST_ROWS, len(subject.dataset.train))

    def compute(self, subject: Subject, get: Get, progress: Progress) -> PredictionsValue:
        data, seed = subject.dataset, subject.seed_for(self)
        rows = some_rows(len(data.train), MOST_ROWS, seed)
        train, test = _small(data.train.take(rows)), _small(data.test)
        if data.task != Task.REGRESSION and len(train.y.unique()) < 2:
            raise NotAssessed("the training rows have one class only")
        # a recipe reads shapes and bounds from the training split that the dataset has
        small: Dataset = replace(data, splits=(train, test))
        is_number = data.task == Task.REGRESSION
        recipe = Ridge() if is_number else LogisticRegression(iterations=ITERATIONS)
        model = recipe.fit(small, train, seed, progress)
        return PredictionsValue(outputs_on(model, test.x, "cpu"))


def parameters_of(data: Dataset) -> int:
    """Count the numbers that the simple model learns."""
    outputs = max(1, len(data.classes))
    if data.features:
        columns = sum(max(1, len(feature.categories)) for feature in data.features)
    else:
        channels, height, width = data.train.x.shape[1:]
        columns = channels * min(SIDE, height) * min(SIDE, width)
    return (columns + 1) * outputs


def _small(split: Split) -> Split:
    return split if split.x.ndim != 4 else replace(split, x=coarse(split.x))
