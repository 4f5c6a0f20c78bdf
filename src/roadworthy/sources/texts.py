import numpy as np
import polars as pl
from torch import Tensor

from roadworthy.core.errors import InputError
from roadworthy.core.text import to_codes

MOST_CHARACTERS = 5000  # of a text
MOST_CELLS = 2**28  # code points of all texts together, padded: 2 GiB


def read_texts(texts: pl.Series, where: str) -> tuple[pl.Series, tuple[str, ...]]:
    """Look over texts (N,) and make them fit for code points, with notes on what was changed.

    A missing text counts as an empty one. Long texts are cut, and characters of number 0, which
    mark where a text ends, are left out.

    Raises:
        InputError: they are no texts, or all are empty.
    """
    if texts.dtype not in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        raise InputError(f"{where} holds {texts.dtype}, not texts: name a column of texts")
    missing, read = texts.null_count(), texts.cast(pl.String).fill_null("")
    marked = int(read.str.contains("\x00", literal=True).sum())
    read = read.str.replace_all("\x00", "", literal=True)
    if not (read != "").any():
        raise InputError(f"{where} holds no text: every one is empty")
    longest = max(1, min(MOST_CHARACTERS, MOST_CELLS // max(1, len(read))))
    cut = int((read.str.len_chars() > longest).sum())
    changes = (
        (missing, "are missing (empty, or a word such as NA); they count as empty"),
        (marked, "held characters of number 0, which were left out"),
        (cut, f"were cut after their first {longest:,} characters"),
    )
    notes = tuple(f"{times:,} texts {what}." for times, what in changes if times)
    return read.str.slice(0, longest), notes


def codes_of(texts: pl.Series) -> Tensor:
    """Write texts as code points (N, L)."""
    return to_codes(np.array(texts.to_list(), dtype=np.str_))
