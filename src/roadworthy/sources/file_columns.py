"""What a folder of images says of its files, kept as columns beside the rows."""

from collections.abc import Sequence

import polars as pl

KIND = "file kind"
SIZE = "file bytes"


def file_columns(kinds: Sequence[str], sizes: Sequence[int]) -> pl.DataFrame:
    """Tabulate each file's kind, such as `PNG L`, and its size in bytes."""
    return pl.DataFrame({KIND: pl.Series(kinds, dtype=pl.String), SIZE: pl.Series(sizes)})
