"""CSV files that say something of rows, one line each."""

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from roadworthy.core.atomic import replacing
from roadworthy.core.errors import InputError

T = TypeVar("T")


def read_rows(
    file: Path, columns: Sequence[str], read: Callable[[dict[str, str]], T], wrong: str
) -> list[T]:
    """Read what each line of a file says.

    Args:
        file: a CSV with a heading.
        columns: that it must have.
        read: makes something of a line, its cells by column.
        wrong: what is said of the file where that fails.

    Raises:
        InputError: the file cannot be read, lacks a column, or a line is none of its kind.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            if not set(columns) <= set(reader.fieldnames or ()):
                named = f"{', '.join(columns[:-1])} and {columns[-1]}"
                raise InputError(f"{file} must have the columns {named}")
            return [read(line) for line in reader]
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise InputError(f"{wrong}: {error}") from None


def write_rows(file: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write lines under a heading, all of them or none."""
    with replacing(file) as half, half.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
