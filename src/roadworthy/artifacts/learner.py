"""Training the model again on some rows, or a quick one where it cannot be, to see how it errs."""

import numpy as np
import torch

from roadworthy.artifacts.plain_inputs import plain
from roadworthy.artifacts.predictions import outputs_on
from roadworthy.artifacts.quick_model import one_hot, ridge
from roadworthy.core.artifact import Subject
from roadworthy.core.dataset import Split, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.model import Model, Offer

PASSES_PER_ROW = 60  # of a training: some twenty epochs of a forward and a backward pass
QUICK_PASSES = 2


def is_refit(subject: Subject) -> bool:
    """Say whether the model itself can be trained again."""
    return Offer.REFIT in subject.model.spec.offers


def passes_per_row(subject: Subject) -> int:
    """Estimate what a row costs in a training."""
    return PASSES_PER_ROW if is_refit(subject) else QUICK_PASSES


def refitted(subject: Subject, rows: Split, seed: int) -> Model:
    """Train the model again on some rows, and put it where the subject computes."""
    model = subject.model.refit(rows, seed)
    model.move(torch.device(subject.device))
    return model


def errors_of(subject: Subject, rows: Split, others: Split, seed: int) -> np.ndarray:
    """Train on some rows and give the errors on others (N,).

    An error is 1 for a wrong class; for a number it is how far off it is, in spreads of the target.

    Raises:
        NotAssessed: trained on these rows, the model gives other outputs than before.
    """
    if is_refit(subject):
        model = refitted(subject, rows, seed)
        outputs = outputs_on(model, others.x, subject.device).double().numpy()
    else:
        outputs = _quick(subject, rows, others)
    y = others.y.numpy()
    if not np.isfinite(outputs).all():
        raise NotAssessed("the model, trained again on a part of the rows, gives NaN outputs")
    if subject.dataset.task == Task.REGRESSION:
        return np.abs(outputs - y) / float(subject.dataset.train.y.double().std())
    if outputs.shape[1] != len(subject.dataset.classes):
        raise NotAssessed("the model, trained again on a part of the rows, lacks a class")
    wrong: np.ndarray = (outputs.argmax(1) != y).astype(float)
    return wrong


def _quick(subject: Subject, rows: Split, others: Split) -> np.ndarray:
    y = rows.y.numpy()
    x, other = (seen(split) for split in (rows, others))
    if subject.dataset.task == Task.REGRESSION:
        return ridge(x, y[:, None].astype(float), other)[:, 0]
    outputs = np.full((len(other), len(subject.dataset.classes)), -np.inf)
    outputs[:, np.unique(y)] = ridge(x, one_hot(y), other)
    return np.maximum(outputs, np.finfo(float).min)


def seen(split: Split) -> np.ndarray:
    """Give what a quick model sees of rows: columns, pixels averaged down or words: (N, D)."""
    return plain(split.x).numpy()
