import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from roadworthy.core.errors import InputError
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
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            if not set(COLUMNS) <= set(reader.fieldnames or ()):
                raise InputError(f"{file} must have the columns {' and '.join(COLUMNS)}")
            given = [(int(line["row"]), (line["label"] or "").strip()) for line in reader]
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, TypeError, csv.Error) as error:
        raise InputError(f"{file}: each line must be a row number and a label: {error}") from None
    return {row: label for row, label in given if label}
