import csv
from pathlib import Path

import numpy as np

from roadworthy.core.errors import InputError


def leave_out(
    parts: dict[str, np.ndarray], ids: np.ndarray, file: Path
) -> tuple[dict[str, np.ndarray], str]:
    """Take the rows that a CSV file of split,row names out of the splits, and say how many.

    Args:
        parts: row positions by split.
        ids: (N,) row numbers in the source.
        file: what to leave out.

    Raises:
        InputError: the file cannot be read, or names rows that do not exist.
    """
    unwanted = read_unwanted(file)
    kept, counts = {}, []
    for name, rows in parts.items():
        numbers = np.array(sorted(unwanted.pop(name, set())), dtype=np.int64)
        unknown = np.setdiff1d(numbers, ids[rows])
        if len(unknown):
            raise InputError(
                f"{file}: the {name} split has no row {unknown[0]} ({len(unknown)} such rows): the "
                "file must come from an inspection of the same data with the same split"
            )
        kept[name] = rows[~np.isin(ids[rows], numbers)]
        counts.append(f"{len(numbers)} of {name}")
    if unwanted:
        raise InputError(f"{file}: there is no split {next(iter(unwanted))!r} in this dataset")
    return kept, f"Rows left out as {file.name} says: {', '.join(counts)}."


def read_unwanted(file: Path) -> dict[str, set[int]]:
    """Read row numbers by split."""
    unwanted: dict[str, set[int]] = {}
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            if not {"split", "row"} <= set(reader.fieldnames or ()):
                raise InputError(f"{file} must have the columns split and row")
            for line in reader:
                unwanted.setdefault(line["split"], set()).add(int(line["row"]))
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, TypeError, csv.Error) as error:
        raise InputError(f"{file}: each line must be a split and a row number: {error}") from None
    return unwanted
