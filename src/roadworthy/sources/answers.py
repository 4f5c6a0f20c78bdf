from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from roadworthy.core.errors import InputError
from roadworthy.core.row_files import read_rows
from roadworthy.sources.rows import Rows

COLUMNS = ("row", "label")


def with_answers(rows: Rows, is_asked: np.ndarray, file: Path) -> Rows:
    """Fill in targets that a CSV file of row,label answers.

    Args:
        rows: of a source, of which some have no target.
        is_asked: (N,) which rows can be answered.
        file: an empty label leaves a row as it is; the last answer of several counts.

    Raises:
        InputError: the file cannot be read, or answers rows that were not asked.
    """
    answers = read_answers(file)
    places = {int(rows.ids[k]): int(k) for k in np.flatnonzero(is_asked)}
    unknown = sorted(set(answers) - set(places))
    if unknown:
        raise InputError(
            f"{file}: row {unknown[0]} is not a row without a target ({len(unknown)} such rows): "
            "the file must hold answers about the same data"
        )
    filled = rows.target.cast(pl.String).to_list()
    for number, label in answers.items():
        filled[places[number]] = label
    try:
        target = pl.Series(rows.target.name, filled, dtype=pl.String).cast(rows.target.dtype)
    except pl.exceptions.PolarsError:
        raise InputError(f"{file}: labels must be {rows.target.dtype}, as the others are") from None
    note = f"{len(answers)} rows have the targets that {file.name} gives; they are trained on."
    return replace(rows, target=target, notes=(*rows.notes, note))


def read_answers(file: Path) -> dict[int, str]:
    """Read the labels that were given, by row; rows without one are left out.

    Raises:
        InputError: the file cannot be read, or a line is no answer.
    """
    given = read_rows(
        file,
        COLUMNS,
        lambda line: (int(line["row"]), (line["label"] or "").strip()),
        f"{file}: each line must be a row number and a label",
    )
    return {row: label for row, label in given if label}
