from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from torch import Tensor

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.sources.arrays import check_inputs, check_targets, to_series
from roadworthy.sources.assembly import assemble
from roadworthy.sources.data_options import DataOptions, read_task
from roadworthy.sources.rows import Rows, add_apart, join, role_columns
from roadworthy.sources.splits import PRODUCTION, UNLABELLED
from roadworthy.sources.tables import rows_of_frame
from roadworthy.sources.texts import read_texts


def make_dataset(
    x: Any,
    y: Any,
    *,
    test: tuple[Any, Any] | None = None,
    production: Any = None,
    unlabelled: Any = None,
    split: str | None = None,
    columns: Mapping[str, Any] | None = None,
    features: Sequence[str] = (),
    name: str = "data",
    classes: tuple[str, ...] = (),
    task: str | None = None,
    group: str | None = None,
    environment: str | None = None,
    time: str | None = None,
    sensitive: tuple[str, ...] = (),
    face: tuple[str, ...] = (),
    text: str | None = None,
    seed: int = 0,
) -> Dataset:
    """Make a dataset of what is in memory: arrays, tensors, strings or data frames.

    Args:
        x: (N, D) features or (N, …) images; a list of N strings; or a polars or pandas table.
        y: (N,) labels or numbers; or the name of a column of the table. Rows of a table whose
            target is missing are the unlabelled split.
        test: x and y of the test split.
        production: inputs from where the model is used, of the kind of x; or a pair of them and
            their labels.
        unlabelled: inputs whose targets are not known, of the kind of x.
        split: the column that names each row's split; or `random`, `by-group`, `by-time`.
        columns: metadata by name, each (N,); rows of `test`, `production` and `unlabelled` follow
            those of `x`, in this order.
        features: names of the columns of an array of features.
        name: what the report calls it.
        classes: the class names in the order of the model's outputs.
        task: `nominal`, `ordinal` or `regression`; None looks at the target.
        group: the column whose rows belong together, such as a patient.
        environment: the column with the source of a row, such as a hospital.
        time: the column with the time of a row.
        sensitive: columns whose groups must be treated alike.
        face: columns with left, top, right and bottom of the face in an image, in pixels.
        text: the column of the table whose texts are the inputs.
        seed: of the random split.

    Raises:
        InputError: the data cannot be used; the message says what, where and what to do.
    """
    options = DataOptions(
        split=split,
        group=group,
        environment=environment,
        time=time,
        sensitive=tuple(sensitive),
        face=tuple(face),
        text=text,
        task=read_task(task, False),
        classes=tuple(classes),
        seed=seed,
    )
    pairs = [(x, y)] if test is None else [(x, y), test]
    apart = {PRODUCTION: production, UNLABELLED: unlabelled}
    apart = {word: inputs for word, inputs in apart.items() if inputs is not None}
    pairs += [_with_labels(inputs, y) for inputs in apart.values()]
    extra = {key: to_series(key, _array(values)) for key, values in (columns or {}).items()}
    parts, first = [], 0
    for inputs, targets in pairs:
        n = len(inputs)
        own = {key: values[first : first + n] for key, values in extra.items()}
        parts.append(_rows(inputs, targets, own, options, tuple(features), name))
        first += n
    for key, values in extra.items():
        if len(values) != first:
            raise InputError(f"column {key!r} has {len(values)} values for {first} rows")
    rows = parts[0]
    if test is not None:
        rows = replace(join(*parts[:2]), origin="The split was given.")
    for word, part in zip(apart, parts[len(parts) - len(apart) :], strict=True):
        rows = add_apart(rows, replace(part, name="given"), word)
    return assemble(rows, options)


def _with_labels(production: Any, y: Any) -> tuple[Any, Any]:
    """Pair inputs with labels: those given, those of the table's column, or none."""
    if isinstance(production, tuple):
        return production
    frame = _frame(production)
    if frame is None or not isinstance(y, str):
        return production, None
    return frame if y in frame.columns else frame.with_columns(pl.lit(None).alias(y)), y


def _rows(
    x: Any,
    y: Any,
    columns: dict[str, pl.Series],
    options: DataOptions,
    features: tuple[str, ...],
    name: str,
) -> Rows:
    frame = _frame(x)
    if frame is not None:
        if not isinstance(y, str):
            frame, y = frame.with_columns(_targets(y, len(frame)).alias("(y)")), "(y)"
        rows = rows_of_frame(frame.with_columns(**columns), name, "x", replace(options, target=y))
        if not isinstance(rows.x, pl.DataFrame):
            return rows
        return replace(rows, x=rows.x.drop([key for key in columns if key in rows.x.columns]))
    if options.text is not None:
        raise InputError("text names a column of a table, but x is none: give the strings as x")
    array = _array(x)
    inputs, notes = (
        read_texts(pl.Series(array.tolist(), dtype=pl.String), "x")
        if array.dtype.kind == "U" and array.ndim == 1
        else (check_inputs(array, "x"), ())
    )
    return Rows(
        name=name,
        x=inputs,
        target=_targets(y, len(inputs)),
        columns=role_columns(columns, options, "columns"),
        ids=np.arange(len(inputs)),
        feature_names=features,
        notes=notes,
    )


def _targets(y: Any, n: int) -> pl.Series:
    return pl.Series("y", [None] * n) if y is None else check_targets(_array(y), n, "y", "x")


def _frame(x: Any) -> pl.DataFrame | None:
    """Give a polars table of a polars or pandas table; None for what is no table."""
    if isinstance(x, pl.DataFrame):
        return x
    if not hasattr(x, "columns") or not callable(getattr(x, "to_dict", None)):
        return None
    # pandas, without importing it
    lists = {str(key): list(values) for key, values in x.to_dict("list").items()}
    # pandas writes a missing value as NaN, the one value that differs from itself
    return pl.DataFrame(
        {key: [None if v != v else v for v in values] for key, values in lists.items()}
    )


def _array(values: Any) -> np.ndarray:
    if isinstance(values, Tensor):
        return values.detach().cpu().numpy()
    if isinstance(values, pl.Series):
        values = values.to_numpy()
    array = np.asarray(values)
    if array.dtype == object and all(isinstance(value, str) for value in array.flat):
        return array.astype(str)
    return array
