from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.learner import PASSES_PER_ROW, refitted
from roadworthy.artifacts.predictions import outputs_on
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.model import Model, Offer, require
from roadworthy.core.progress import Progress

SIZES = 6
SMALLEST = 1 / 16  # of the training rows
LEAST_SPAN = 4  # largest size over smallest: over less, all curves look alike
ROWS_PER_CLASS = 10


@dataclass(frozen=True, eq=False)
class LearningCurveValue:
    """How wrong the same training is after more and more rows.

    Args:
        sizes: (S,) numbers of training rows; the last is all of them.
        errors: (R, S, N) error on each test row after each draw: 1 for a wrong class, or the
            squared error over the mean one of the training mean.
    """

    sizes: Tensor
    errors: Tensor


@dataclass(frozen=True)
class LearningCurve(Artifact[LearningCurveValue]):
    """The test errors of the same training on nested parts of the training split.

    Six sizes from a sixteenth of the rows to all of them, each twice as large as the one before or
    less. A part has every class in proportion; with a group column, whole groups are added one
    after the other. All rows are trained on once only.

    Args:
        draws: how often the parts are drawn.
    """

    draws: int = 4

    card = Card("learning-curve", "Learning curve", paper="arxiv:2103.10948", cost="minutes")
    value = LearningCurveValue

    def cost(self, subject: Subject) -> float:
        rows, test = len(subject.dataset.train), len(subject.dataset.test)
        parts = self.draws * (SIZES - 1)
        return PASSES_PER_ROW * rows * (1 + 1.4 * self.draws) + (1 + parts) * test

    def compute(self, subject: Subject, get: Get, progress: Progress) -> LearningCurveValue:
        require(subject.model, Offer.REFIT)
        data, seed = subject.dataset, subject.seed_for(self)
        train = data.train
        sizes = sizes_for(data)
        group = clusters(data, train)
        errors = torch.empty(self.draws, len(sizes), len(data.test))
        errors[:, -1] = _errors(refitted(subject, train, seed % 2**31), subject)
        done, work = float(sizes[-1]), float(sizes[-1] + self.draws * sizes[:-1].sum())
        for draw in range(self.draws):
            order = nested_order(train, group, seed + draw)
            for place, size in enumerate(sizes[:-1].tolist()):
                part = train.take(order[:size])
                if data.classes and len(part.y.unique()) < len(train.y.unique()):
                    raise NotAssessed(f"a part of {size} training rows lacks a class")
                model = refitted(subject, part, (seed + draw) % 2**31)
                errors[draw, place] = _errors(model, subject)
                done += size
                progress.advance(done / work)
        return LearningCurveValue(sizes, errors)


def sizes_for(data: Dataset) -> Tensor:
    """Choose the sizes (S,) of the parts.

    Raises:
        NotAssessed: there are too few training rows, in all or of a class.
    """
    rows = len(data.train)
    least = 2 * ROWS_PER_CLASS
    if data.classes:
        rarest = int(data.train.y.bincount()[data.train.y.unique()].min())
        # so many that each class is in a part that is drawn in proportion
        least = max(ROWS_PER_CLASS * len(data.classes), -(-rows // rarest) + 1)
    if rows < LEAST_SPAN * least:
        raise NotAssessed(
            f"{rows} training rows are too few for a curve: its smallest part needs {least}, and "
            f"all rows should be {LEAST_SPAN} times as many"
        )
    smallest = max(least, round(rows * SMALLEST))
    return torch.from_numpy(np.geomspace(smallest, rows, SIZES).round().astype(np.int64))


def nested_order(split: Split, group: np.ndarray | None, seed: int) -> Tensor:
    """Order rows (N,) so that every first part is a fair draw: by class, or by whole groups."""
    generator = np.random.default_rng(seed)
    if group is not None:
        _, unit = np.unique(group, return_inverse=True)
        place = generator.permutation(int(unit.max()) + 1)[unit]
        return torch.from_numpy(np.argsort(place, kind="stable"))
    order = generator.permutation(len(split))
    if split.y.is_floating_point():
        return torch.from_numpy(order)
    _, kind, size = np.unique(split.y.numpy()[order], return_inverse=True, return_counts=True)
    by_class = np.argsort(kind, kind="stable")
    rank = np.empty(len(order))
    rank[by_class] = np.arange(len(order)) - np.repeat(np.cumsum(size) - size, size)
    # the i-th of n rows of a class comes after a share of about i / n of all rows
    place = (rank + generator.random(len(size))[kind]) / size[kind]
    return torch.from_numpy(order[np.argsort(place, kind="stable")])


def _errors(model: Model, subject: Subject) -> Tensor:
    data = subject.dataset
    outputs = outputs_on(model, data.test.x, subject.device)
    if not outputs.isfinite().all():
        raise NotAssessed("the model, trained again on a part of the rows, gives NaN outputs")
    if data.task == Task.REGRESSION:
        guess = (data.test.y - data.train.y.mean()).square().mean()
        return (outputs - data.test.y).square() / guess
    return (outputs.argmax(1) != data.test.y).float()
