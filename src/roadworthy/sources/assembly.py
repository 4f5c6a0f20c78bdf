from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import torch
from torch import Tensor

from roadworthy.core.dataset import Dataset, Feature, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.sources.answers import with_answers
from roadworthy.sources.corrections import correct
from roadworthy.sources.data_options import METHODS, DataOptions
from roadworthy.sources.features import fill_and_measure, read_array, read_features
from roadworthy.sources.labels import Labels, read_labels
from roadworthy.sources.pixels import read_pixels
from roadworthy.sources.role_columns import read_role_columns
from roadworthy.sources.rows import Rows
from roadworthy.sources.splits import (
    APART,
    PRODUCTION,
    UNLABELLED,
    Division,
    canonical_names,
    divide_as_named,
    divide_at_random,
    divide_by_group,
    divide_by_time,
)
from roadworthy.sources.texts import codes_of
from roadworthy.sources.without import leave_out
from roadworthy.sources.wording import listing


def assemble(rows: Rows, options: DataOptions) -> Dataset:
    """Make a dataset of what a source holds: number labels and columns, split, and look it over.

    Raises:
        InputError: no model could be trained or judged on it.
    """
    rows = _with_targets(rows, options)
    apart = _apart(rows, options)
    if options.answers is not None:
        rows = with_answers(rows, apart == UNLABELLED, options.answers)
    labels = _read_labels(rows, options)
    columns, column_notes = read_role_columns(rows.columns, options)
    division = _divide(rows, labels, columns, options, apart)
    ids, id_notes = _number_rows(rows, options, apart == "")
    parts, notes = division.parts, [*rows.notes, *labels.notes, *column_notes, *division.notes]
    notes += id_notes
    if options.corrections is not None:
        labels, note = correct(labels, parts, ids, options.corrections)
        notes.append(note)
    if options.without is not None:
        parts, note = leave_out(parts, ids, options.without)
        notes.append(note)
    _look_over(parts, labels)
    x, features, is_missing, input_notes = _read_inputs(rows, parts["train"])
    splits = tuple(
        Split(
            name=name,
            x=x(picked),
            y=torch.from_numpy(labels.y[picked]),
            ids=torch.from_numpy(ids[picked]),
            columns={column: values[picked] for column, values in columns.items()},
            missing=None if is_missing is None else torch.from_numpy(is_missing[picked]),
        )
        for name, picked in parts.items()
    )
    notes += [*input_notes, *_notable_classes(parts, labels)]
    return Dataset(
        name=rows.name,
        task=labels.task,
        classes=labels.classes,
        splits=splits,
        features=features,
        roles=options.roles,
        origin=division.origin,
        notes=tuple(notes),
    )


def _apart(rows: Rows, options: DataOptions) -> np.ndarray:
    """Name the splits (N,) of rows that are never split anew; of the others the empty text.

    Rows from where the model is used are such, and rows without a target.
    """
    named = _names(rows, options)
    apart = np.where(np.isin(named, APART), named, "")
    is_unknown = rows.target.is_null().to_numpy() & (apart == "")
    return np.where(is_unknown, UNLABELLED, apart)


def _names(rows: Rows, options: DataOptions) -> np.ndarray:
    """Give the splits (N,) that rows are said to be of; the empty text where nothing is said."""
    if options.split_column is not None:
        return canonical_names(_names_of_splits(rows, options.split_column))
    return np.full(len(rows), "") if rows.given is None else canonical_names(rows.given)


def _names_of_splits(rows: Rows, column: str) -> np.ndarray:
    return np.array(rows.columns[column].cast(pl.String).fill_null("").to_list(), dtype=str)


def _with_targets(rows: Rows, options: DataOptions) -> Rows:
    target = rows.target.fill_nan(None) if rows.target.dtype.is_float() else rows.target
    if not len(target):
        raise InputError(f"{rows.name} has no rows")
    missing = target.null_count()
    if missing == len(target):
        raise InputError(f"{rows.name}: the target {target.name!r} has no values")
    rows = replace(rows, target=target)
    names, is_known = _names(rows, options), target.is_not_null().to_numpy()
    is_useless = ~is_known & np.isin(names, ("test", "val"))
    notes = []
    if is_useless.any():
        notes.append(f"{is_useless.sum()} rows to test on without a target were left out.")
    unknown = int((~is_known & ~is_useless & (names != PRODUCTION)).sum())
    if unknown:
        notes.append(f"{unknown} rows have no target: they are the unlabelled split.")
    return replace(rows.take(~is_useless), notes=(*rows.notes, *notes))


def _read_labels(rows: Rows, options: DataOptions) -> Labels:
    """Number the targets; those of production and unlabelled rows need not be known."""
    is_known = rows.target.is_not_null().to_numpy()
    labels = read_labels(rows.target.filter(is_known), options, rows.classes)
    if is_known.all():
        return labels
    unknown = float("nan") if labels.task == Task.REGRESSION else -1
    y = np.full(len(rows), unknown, dtype=labels.y.dtype)
    y[is_known] = labels.y
    return replace(labels, y=y)


def _divide(
    rows: Rows,
    labels: Labels,
    columns: dict[str, np.ndarray],
    options: DataOptions,
    apart: np.ndarray,
) -> Division:
    is_rest = apart == ""
    if is_rest.all():
        return _divide_rows(rows, labels, columns, options)
    rest = np.flatnonzero(is_rest)
    others = rows.take(is_rest)
    if others.given is not None and not (others.given != "").any():
        others = replace(others, given=None)
    division = _divide_rows(
        others,
        replace(labels, y=labels.y[rest]),
        {name: values[rest] for name, values in columns.items()},
        options,
    )
    parts = {name: rest[picked] for name, picked in division.parts.items()}
    is_answered = (apart == UNLABELLED) & rows.target.is_not_null().to_numpy()
    # what was answered is trained on, and moves no row from one side of the split to the other
    parts["train"] = np.concatenate([parts["train"], np.flatnonzero(is_answered)])
    own = {name: np.flatnonzero((apart == name) & ~is_answered) for name in APART}
    return replace(division, parts={**parts, **{n: rows for n, rows in own.items() if len(rows)}})


def _divide_rows(
    rows: Rows, labels: Labels, columns: dict[str, np.ndarray], options: DataOptions
) -> Division:
    strata = labels.y if labels.task != Task.REGRESSION else np.zeros(len(rows), dtype=np.int64)
    if options.split_column is not None:
        origin = f"The split was given by column {options.split_column!r}."
        return divide_as_named(_names_of_splits(rows, options.split_column), origin)
    if options.split == "by-group":
        if options.group is None:
            raise InputError("--split by-group needs to know the groups: pass --group COLUMN")
        return divide_by_group(columns[options.group], strata, options.seed)
    if options.split == "by-time":
        if options.time is None:
            raise InputError("--split by-time needs to know the times: pass --time COLUMN")
        return divide_by_time(columns[options.time])
    if options.split is None and rows.given is not None:
        return divide_as_named(rows.given, rows.origin)
    division = divide_at_random(strata, options.seed)
    if rows.given is None:
        return division
    return replace(division, origin=division.origin.replace("No split was given", "Split anew"))


def _number_rows(
    rows: Rows, options: DataOptions, is_split: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """Give row numbers that are unique within a split."""
    ids = rows.ids[is_split]
    if options.split not in METHODS or len(np.unique(ids)) == len(ids):
        return rows.ids.astype(np.int64), []
    note = "The source's own splits were pooled and split anew; rows are numbered through them."
    return np.arange(len(rows)), [note]


def _look_over(parts: dict[str, np.ndarray], labels: Labels) -> None:
    for name in ("train", "test"):
        if len(parts[name]) < 2:
            raise InputError(
                f"the {name} split has {len(parts[name])} rows and needs at least 2: collect more "
                "rows or choose another --split"
            )
    y = labels.y[parts["train"]]
    if (y == y[0]).all():
        what = labels.classes[y[0]] if labels.classes else f"{y[0]:g}"
        raise InputError(
            f"every training row has the same target, {what!r}: there is nothing to learn; choose "
            "another --target or --split"
        )


Inputs = Callable[[np.ndarray], Tensor]  # gives the inputs of some rows


def _read_inputs(
    rows: Rows, train: np.ndarray
) -> tuple[Inputs, tuple[Feature, ...], np.ndarray | None, tuple[str, ...]]:
    if isinstance(rows.x, pl.Series):
        codes = codes_of(rows.x)
        return lambda picked: codes[torch.from_numpy(picked)], (), None, ()
    if isinstance(rows.x, np.ndarray) and rows.x.ndim > 2:
        x, divisor, notes = read_pixels(rows.x)
        return _numbers(x, divisor), (), None, notes
    table = (
        read_array(rows.x, rows.feature_names)
        if isinstance(rows.x, np.ndarray)
        else read_features(rows.x)
    )
    table = fill_and_measure(table, train)
    is_missing = table.is_missing if table.is_missing.any() else None
    return _numbers(table.x), table.features, is_missing, table.notes


def _numbers(x: np.ndarray, divisor: float = 1.0) -> Inputs:
    return lambda rows: torch.from_numpy(np.ascontiguousarray(x[rows], dtype=np.float32)) / divisor


def _notable_classes(parts: dict[str, np.ndarray], labels: Labels) -> list[str]:
    if labels.task == Task.REGRESSION:
        return []
    counts = {
        name: np.bincount(labels.y[rows], minlength=len(labels.classes))
        for name, rows in parts.items()
        if name not in APART
    }
    unseen = np.flatnonzero((counts["train"] == 0) & (counts["test"] > 0))
    single = np.flatnonzero(sum(counts.values()) == 1)
    notes = []
    if len(unseen):
        names = listing(labels.classes[k] for k in unseen)
        notes.append(f"The test split has classes that no training row has: {names}.")
    if len(single):
        notes.append(f"Classes with a single row: {listing(labels.classes[k] for k in single)}.")
    return notes
