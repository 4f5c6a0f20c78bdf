import re

import numpy as np
import polars as pl

from roadworthy.core.errors import InputError
from roadworthy.sources.data_options import DataOptions

MOST_NUMBERED_GROUPS = 10  # a sensitive column of more numbers, such as an age, stays numbers
_SORTABLE = re.compile(r"\d{4}(-\d{2}(-\d{2}([ T].*)?)?)?")


def read_role_columns(
    columns: pl.DataFrame, options: DataOptions
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Turn the columns that play a role into arrays (N,) of text or numbers, with notes.

    A missing text is empty, a missing number NaN.

    Raises:
        InputError: the times cannot be sorted.
    """
    read = {
        name: _read_time(series) if name == options.time else _read(series, name in identities)
        for name, series in zip(columns.columns, columns, strict=True)
        if name != options.split_column
        for identities in [{options.group, options.environment}]
    }
    notes = tuple(
        f"Column {name!r} has {missing} missing values; they count as a value of their own."
        for name in read
        if (missing := columns[name].null_count())
    )
    return read, notes


def _read(series: pl.Series, names_things: bool) -> np.ndarray:
    is_number = series.dtype.is_numeric()
    if is_number and not names_things and series.n_unique() > MOST_NUMBERED_GROUPS:
        return series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    if series.dtype.is_float() and (series.drop_nulls() == series.drop_nulls().round()).all():
        series = series.cast(pl.Int64)
    return _as_text(series)


def _as_text(series: pl.Series) -> np.ndarray:
    return np.array(series.cast(pl.String).fill_null("").to_list(), dtype=str)


def _read_time(series: pl.Series) -> np.ndarray:
    if series.dtype.is_numeric():
        return series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    if series.dtype.is_temporal():
        return _as_text(series)  # ISO 8601, which sorts as text
    times = _as_text(series)
    bad = [time for time in np.unique(times).tolist() if time and not _SORTABLE.match(time)]
    if bad:
        raise InputError(
            f"column {series.name!r} holds times that do not sort, such as {bad[0]!r}: write them "
            "as 2020-01-31 or as numbers"
        )
    return times
