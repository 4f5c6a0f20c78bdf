import csv
import gzip
import io
import zlib
from collections import Counter
from pathlib import Path

import polars as pl

from roadworthy.core.errors import InputError
from roadworthy.sources.wording import listing

MISSING_WORDS = ("", "?", "NA", "N/A", "NaN", "nan", "NULL", "null")
MOST_BYTES = 2 * 2**30
BIG = 64 * 2**20
MOST_RATIO = 200  # tables of text shrink by 5 to 50
_CHUNK = 2**22
_MARK = b"\xef\xbb\xbf"


def read_csv(path: Path) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Read a CSV file, packed or not, and note what was odd about it.

    Raises:
        InputError: it is damaged, not UTF-8, or no table.
    """
    content = _unpack(path) if path.suffix == ".gz" else _read(path)
    notes = []
    if content.startswith(_MARK):
        content = content.removeprefix(_MARK)
        notes.append("The file starts with a byte order mark, which was left out.")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 (byte {error.start}): convert it, for example with "
            f"iconv -f latin1 -t utf-8 {path.name}"
        ) from None
    separator = _check_shape(text, path)
    if separator != ",":
        notes.append(f"The columns are separated by {separator!r}.")
    try:
        frame = pl.read_csv(
            io.BytesIO(content),
            separator=separator,
            null_values=list(MISSING_WORDS),
            infer_schema_length=None,
        )
    except pl.exceptions.PolarsError as error:
        cause = str(error).partition("\n")[0]
        raise InputError(f"{path} cannot be read as a table: {cause}") from None
    return frame.rename({name: name.strip() for name in frame.columns}), tuple(notes)


def _read(path: Path) -> bytes:
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path} is larger than {MOST_BYTES:,} bytes: give a sample of its rows")
    return path.read_bytes()


def _unpack(path: Path) -> bytes:
    packed = path.stat().st_size
    parts, size = [], 0
    try:
        with gzip.open(path) as file:
            while part := file.read(_CHUNK):
                parts.append(part)
                size += len(part)
                if size > MOST_BYTES or (size > BIG and size > MOST_RATIO * packed):
                    raise InputError(
                        f"{path} unpacks from {packed:,} to more than {size:,} bytes: this looks "
                        "like a gzip bomb and is refused"
                    )
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise InputError(f"{path} is not a whole gzip file: {error}") from None
    return b"".join(parts)


def _check_shape(text: str, path: Path) -> str:
    """Check that every line has the fields that the header names, and find the separator."""
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        names = [name.strip() for name in next(lines, [])]
        if not any(names):
            raise InputError(f"{path} is empty: the first line must name the columns")
        twice = [name for name, times in Counter(names).items() if times > 1]
        if twice:
            raise InputError(f"{path} has several columns called {listing(twice)}: rename them")
        rows = 0
        # by line: the reader knows where quoted fields end
        for fields in lines:
            rows += bool(fields)
            if len(fields) not in (0, len(names)):
                raise InputError(
                    f"{path}, line {lines.line_num}: {len(fields)} fields, but the header names "
                    f"{len(names)} columns"
                )
    except csv.Error as error:
        raise InputError(f"{path}, line {lines.line_num}: {error}") from None
    if not rows:
        raise InputError(f"{path} has a header but no rows")
    return separator
