from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.artifacts.learner import PASSES_PER_ROW, refitted
from roadworthy.artifacts.predictions import PredictionsValue, outputs_on
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Split
from roadworthy.core.errors import NotAssessed
from roadworthy.core.model import Offer, require
from roadworthy.core.progress import Progress


@dataclass(frozen=True)
class CrossFittedPredictions(Artifact[PredictionsValue]):
    """Outputs on the training split by models that did not see the row.

    The model is trained again, once per fold, on the rows of the other folds. Rows of one group lie
    in one fold.

    Args:
        folds: how many parts the training split is cut into.
    """

    folds: int = 4

    card = Card("cross-fitted-predictions", "Cross-fitted predictions", cost="minutes")
    value = PredictionsValue

    def cost(self, subject: Subject) -> float:
        return PASSES_PER_ROW * (self.folds - 1) * len(subject.dataset.train)

    def compute(self, subject: Subject, get: Get, progress: Progress) -> PredictionsValue:
        require(subject.model, Offer.REFIT)
        train, seed = subject.dataset.train, subject.seed_for(self)
        group = clusters(subject.dataset, train)
        fold = folds_of(train, group, self.folds, seed)
        parts: list[Tensor] = []
        for k in range(self.folds):
            model = refitted(subject, train.take(fold != k), seed)
            parts.append(outputs_on(model, train.take(fold == k).x, subject.device))
            progress.advance((k + 1) / self.folds)
        if len({part.shape[1:] for part in parts}) > 1:
            raise NotAssessed(
                "a class has so few rows that a model trained again without some of them lacks it"
            )
        outputs = torch.empty(len(train), *parts[0].shape[1:], dtype=parts[0].dtype)
        for k, part in enumerate(parts):
            outputs[fold == k] = part
        if not outputs.isfinite().all():
            raise NotAssessed("the model, trained again on a part of the rows, gives NaN outputs")
        return PredictionsValue(outputs)


def folds_of(split: Split, group: np.ndarray | None, folds: int, seed: int) -> Tensor:
    """Deal rows into folds (N,): whole groups, else by class so that each fold has all classes.

    Raises:
        NotAssessed: there are fewer groups or rows than folds.
    """
    generator = np.random.default_rng(seed)
    unit = np.arange(len(split)) if group is None else np.unique(group, return_inverse=True)[1]
    units = int(unit.max()) + 1
    if units < folds:
        raise NotAssessed(f"{units} groups or rows cannot be dealt into {folds} parts")
    shuffled = generator.permutation(units)
    if group is None and not split.y.is_floating_point():
        # sorted by class, the rows of a class are dealt round the folds
        shuffled = shuffled[np.argsort(split.y.numpy()[shuffled], kind="stable")]
    fold = np.empty(units, dtype=np.int64)
    fold[shuffled] = np.arange(units) % folds
    return torch.from_numpy(fold[unit])
