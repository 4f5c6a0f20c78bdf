from dataclasses import replace
from pathlib import Path

import numpy as np

from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError
from roadworthy.sources.answers import read_answers
from roadworthy.sources.labels import Labels


def correct(
    labels: Labels, parts: dict[str, np.ndarray], ids: np.ndarray, file: Path
) -> tuple[Labels, str]:
    """Give training rows the targets that a CSV file of row,label says, and tell how many changed.

    It is done after the rows are split, so that no row moves from one side to the other, and to
    training rows only: rows to test on are never made to fit a model.

    Args:
        labels: as the source gives them.
        parts: row positions by split.
        ids: (N,) row numbers in the source.
        file: the last line about a row counts; an empty label leaves it as it is.

    Raises:
        InputError: the file cannot be read, names no training row, or gives no class.
    """
    said = read_answers(file)
    train = parts["train"]
    numbers, counts = np.unique(ids[train], return_counts=True)
    unknown = np.setdiff1d(list(said), numbers[counts == 1])
    if len(unknown):
        raise InputError(
            f"{file}: row {unknown[0]:.0f} is no training row ({len(unknown)} such rows): the file "
            "must be about the same data with the same split, and corrects training rows only"
        )
    place = dict(zip(ids[train].tolist(), train.tolist(), strict=True))
    rows = np.array([place[row] for row in said], dtype=np.int64)
    y = labels.y.copy()
    y[rows] = [_number(labels, text, file) for text in said.values()]
    changed = int((y[rows] != labels.y[rows]).sum())
    note = f"{changed} training rows have the targets that {file.name} gives instead of their own."
    return replace(labels, y=y), note


def _number(labels: Labels, text: str, file: Path) -> float:
    """Read a target as the others are numbered."""
    if labels.task != Task.REGRESSION:
        if text in labels.classes:
            return labels.classes.index(text)
        raise InputError(f"{file}: {text!r} is none of the classes {', '.join(labels.classes)}")
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise InputError(f"{file}: the targets are numbers, and {text!r} is none")
    return value
