from dataclasses import dataclass

import numpy as np
import polars as pl

from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError
from roadworthy.sources.data_options import DataOptions
from roadworthy.sources.wording import listing

MOST_WHOLE_CLASSES = 100  # more different whole numbers are a quantity, as in CIFAR-100 at the most
MOST_DECIMAL_CLASSES = 20
MOST_NUMBERED_CLASSES = 100_000


@dataclass(frozen=True, eq=False)
class Labels:
    """Targets, numbered.

    Args:
        task: what they are.
        classes: class names in the order of their numbers; empty for regression.
        y: (N,) class numbers from 0 (int64), or numbers (float32) for regression.
        notes: how they were numbered.
    """

    task: Task
    classes: tuple[str, ...]
    y: np.ndarray
    notes: tuple[str, ...] = ()


def read_labels(values: pl.Series, options: DataOptions, names: tuple[str, ...] = ()) -> Labels:
    """Number targets: by the names given, by the numbers given, or in sorted order.

    Args:
        values: (N,) targets without missing ones.
        options: may say task, classes and label offset.
        names: class names that the source gives.

    Raises:
        InputError: they cannot be targets, or do not fit what was said of them.
    """
    if not (values.dtype.is_numeric() or _is_text(values)):
        raise InputError(f"the target holds {values.dtype}: it must hold numbers or class names")
    names = options.classes or names
    is_said_to_be_classes = bool(names or options.label_offset) or options.task in (
        Task.NOMINAL,
        Task.ORDINAL,
    )
    if options.task == Task.REGRESSION or (not is_said_to_be_classes and _is_quantity(values)):
        return _read_numbers(values)
    task = options.task or Task.NOMINAL
    if names:
        return Labels(task, names, _number_by_name(values, names, options.label_offset))
    if options.label_offset:
        y = _number_by_offset(values, options.label_offset)
        first = options.label_offset
        classes = tuple(str(label) for label in range(first, first + int(y.max()) + 1))
        return Labels(task, classes, y, (f"Class numbers are the labels minus {first}.",))
    return _number_in_order(values, task)


def _is_text(values: pl.Series) -> bool:
    return values.dtype in (pl.String, pl.Boolean, pl.Categorical, pl.Enum)


def _is_quantity(values: pl.Series) -> bool:
    if not values.dtype.is_numeric():
        return False
    most = MOST_WHOLE_CLASSES if values.dtype.is_integer() else MOST_DECIMAL_CLASSES
    return values.n_unique() > most


def _read_numbers(values: pl.Series) -> Labels:
    if not values.dtype.is_numeric():
        raise InputError("regression needs a target of numbers, and this one holds text")
    y = values.to_numpy().astype(np.float32)
    if not np.isfinite(y).all():
        raise InputError(f"the target has {int((~np.isfinite(y)).sum())} infinite values")
    return Labels(Task.REGRESSION, (), y, ("The target is a number: this is regression.",))


def _texts(values: pl.Series) -> pl.Series:
    """Write labels as text, whole numbers without decimals."""
    is_whole = values.dtype.is_float() and bool((values == values.round()).all())
    if is_whole and np.abs(values.to_numpy()).max() < 2**53:
        values = values.cast(pl.Int64)
    return values.cast(pl.String)


def _number_by_name(values: pl.Series, names: tuple[str, ...], offset: int) -> np.ndarray:
    if len(set(names)) < len(names):
        raise InputError(f"class names must differ: {listing(names)}")
    texts = _texts(values)
    if texts.is_in(list(names)).all():
        return texts.replace_strict(names, range(len(names)), return_dtype=pl.Int64).to_numpy()
    if not values.dtype.is_numeric():
        unknown = sorted(set(texts) - set(names))
        raise InputError(f"labels {listing(unknown)} are not among the classes {listing(names)}")
    y = _number_by_offset(values, offset)
    if y.max() >= len(names):
        raise InputError(
            f"labels run up to {y.max() + offset}, but the {len(names)} class names are numbered "
            f"from {offset}"
        )
    return y


def _number_by_offset(values: pl.Series, offset: int) -> np.ndarray:
    if not values.dtype.is_numeric() or not (values == values.round()).all():
        raise InputError("--label-offset needs labels that are whole numbers")
    numbers = values.to_numpy()
    low, high = float(numbers.min()), float(numbers.max())
    if low < offset:
        raise InputError(f"the smallest label is {low:g}, below the first class {offset}")
    if high - offset >= MOST_NUMBERED_CLASSES:
        raise InputError(f"labels run up to {high:g}: these are too many classes")
    return numbers.astype(np.int64) - offset


def _number_in_order(values: pl.Series, task: Task) -> Labels:
    ordered = values.unique().sort()
    classes = tuple(_texts(ordered))
    if len(classes) > max(2, len(values) // 2, MOST_WHOLE_CLASSES):
        raise InputError(
            f"the target has {len(classes)} different values in {len(values)} rows: name a column "
            "of classes or numbers with --target"
        )
    codes = _texts(values).replace_strict(classes, range(len(classes)), return_dtype=pl.Int64)
    if classes == tuple(map(str, range(len(classes)))):
        return Labels(task, classes, codes.to_numpy())
    order = "ascending" if values.dtype.is_numeric() else "alphabetical"
    note = f"Labels {listing(classes)} became classes 0 to {len(classes) - 1} in {order} order."
    return Labels(task, classes, codes.to_numpy(), (note,))
