from pathlib import Path

import numpy as np

from roadworthy.core.errors import InputError
from roadworthy.core.row_files import read_rows


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
    named = read_rows(
        file,
        ("split", "row"),
        lambda line: (line["split"], int(line["row"])),
        f"{file}: each line must be a split and a row number",
    )
    unwanted: dict[str, set[int]] = {}
    for split, row in named:
        unwanted.setdefault(split, set()).add(row)
    return unwanted
