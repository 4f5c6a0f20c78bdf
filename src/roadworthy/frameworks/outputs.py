from enum import Enum

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from roadworthy.core.dataset import Dataset, Task
from roadworthy.core.errors import InputError

# probabilities below it count as it, so that a logarithm stays finite; log_loss of scikit-learn
# clips at the same number
FLOOR = 2.220446049250313e-16


class Reading(Enum):
    """What the numbers that a model gives stand for."""

    NUMBERS = "numbers"
    LOGITS = "logits"
    PROBABILITIES = "probabilities"
    ONE_LOGIT = "one logit"
    ONE_PROBABILITY = "one probability"
    LABELS = "labels"


# sentences for the report, where reading changes the numbers
NOTES = {
    Reading.PROBABILITIES: "The model gives probabilities; their logarithm was taken.",
    Reading.ONE_LOGIT: "The model gives one logit; that of the first class was set to 0.",
    Reading.ONE_PROBABILITY: "The model gives one probability, read as that of the second class.",
    Reading.LABELS: "The model gives labels, not scores.",
}


def recognize(outputs: Tensor, dataset: Dataset) -> Reading:
    """Tell what a few rows of outputs stand for.

    Args:
        outputs: what the model gave for some rows of the dataset, which come first.
        dataset: says the task and the classes.

    Raises:
        InputError: they cannot be outputs for this dataset.
    """
    bad = int((~outputs.isfinite()).sum()) if outputs.is_floating_point() else 0
    if bad:
        raise InputError(
            f"the model gives NaN or infinite outputs on test rows ({bad} of {outputs.numel()} "
            "numbers): check its weights and the range of its inputs"
        )
    is_column = outputs.ndim == 1 or (outputs.ndim == 2 and outputs.shape[1] == 1)
    if dataset.task == Task.REGRESSION:
        if not is_column:
            raise InputError(
                f"the model gives outputs of shape {tuple(outputs.shape)} for {len(outputs)} rows, "
                f"but {dataset.name} has one number to predict: it must give one number per row"
            )
        return Reading.NUMBERS
    return _recognize_column(outputs, dataset) if is_column else _recognize_table(outputs, dataset)


def _recognize_column(outputs: Tensor, dataset: Dataset) -> Reading:
    classes = len(dataset.classes)
    is_probability = bool(((outputs >= 0) & (outputs <= 1)).all())
    if outputs.ndim == 1 and bool((outputs == outputs.round()).all()):
        low, high = int(outputs.min()), int(outputs.max())
        if low < 0 or high >= classes:
            raise InputError(
                f"the model gives labels from {low} to {high}, but the {classes} classes of "
                f"{dataset.name} are numbered from 0 to {classes - 1}"
                + (": give the labels minus 1" if low == 1 and high == classes else "")
            )
        return Reading.LABELS
    if classes != 2:
        raise InputError(
            f"the model gives one number per row, but {dataset.name} has {_names(dataset)}: it "
            f"must give {classes} scores per row, or whole numbers as labels"
        )
    return Reading.ONE_PROBABILITY if is_probability else Reading.ONE_LOGIT


def _recognize_table(outputs: Tensor, dataset: Dataset) -> Reading:
    classes = len(dataset.classes)
    if outputs.ndim != 2:
        raise InputError(
            f"the model gives outputs of shape {tuple(outputs.shape)} for {len(outputs)} rows: it "
            f"must give a table of {len(outputs)} × {classes} scores"
        )
    given = outputs.shape[1]
    if given != classes:
        advice = "name the dataset that it was trained for, or train it for this one"
        if given == classes + 1:
            advice = (
                "if its labels ran from 1, so that the first output was never trained, wrap it in "
                "a function that leaves the first output out"
            )
        raise InputError(
            f"the model has {given} outputs, but {dataset.name} has {_names(dataset)}: {advice}"
        )
    rows = outputs.double().sum(1)
    is_probability = bool((outputs >= 0).all()) and bool(((rows - 1).abs() < 1e-4).all())
    return Reading.PROBABILITIES if is_probability else Reading.LOGITS


def _names(dataset: Dataset) -> str:
    return f"{len(dataset.classes)} classes ({dataset.classes[0]} … {dataset.classes[-1]})"


def convert(outputs: Tensor, reading: Reading, classes: int) -> Tensor:
    """Make logits (N, K), or numbers (N,), of a model's outputs (N, …)."""
    if reading == Reading.LOGITS:
        return outputs
    if reading == Reading.PROBABILITIES:
        return log_probabilities(outputs)
    column = outputs.reshape(len(outputs))
    if reading == Reading.NUMBERS:
        return column
    if reading == Reading.LABELS:
        return torch.nn.functional.one_hot(column.long(), classes).float()
    if reading == Reading.ONE_LOGIT:
        return torch.stack([torch.zeros_like(column), column], 1)
    return log_probabilities(torch.stack([1 - column, column], 1))


def like_inputs(outputs: Tensor, x: Tensor) -> Tensor:
    """Put outputs (N, …) where the inputs are, in their precision; that of texts is none."""
    return outputs.to(x) if x.is_floating_point() else outputs.to(x.device, torch.float32)


def log_probabilities(probabilities: Tensor) -> Tensor:
    """Take logarithms, of `FLOOR` where a probability is smaller."""
    return probabilities.clamp_min(FLOOR).log()


def log_sigmoids(logit: Tensor) -> Tensor:
    """Give the log-probabilities (N, 2) that one logit (N,) stands for."""
    return torch.stack([logsigmoid(-logit), logsigmoid(logit)], 1)
