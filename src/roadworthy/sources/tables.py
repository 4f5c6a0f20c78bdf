import re
from pathlib import Path

import numpy as np
import polars as pl

from roadworthy.core.errors import InputError
from roadworthy.sources.csv_files import read_csv
from roadworthy.sources.data_options import DataOptions
from roadworthy.sources.rows import Rows, role_columns
from roadworthy.sources.splits import is_split_name
from roadworthy.sources.texts import read_texts
from roadworthy.sources.wording import listing

MOST_CELLS = 2**29
_TARGET_NAMES = ("target", "label", "class", "y")
_LIKELY = {"target", "label", "class", "outcome", "response", "result", "income", "score"}


def read_table(path: Path, options: DataOptions, lacking: tuple[str, ...] = ()) -> Rows:
    """Read a .csv, .csv.gz or .parquet file.

    Args:
        path: the file.
        options: name the columns that play a role.
        lacking: columns that are empty where the file does not have them.

    Raises:
        InputError: it cannot be read, or lacks a column that the options name.
    """
    if options.metadata is not None:
        raise InputError("--metadata describes the inputs of a .npz file; a table has its columns")
    frame, notes = read_frame(path)
    frame = frame.with_columns(pl.lit(None).alias(c) for c in lacking if c not in frame.columns)
    name = path.name.removesuffix(".gz").rpartition(".")[0]
    return rows_of_frame(frame, name, str(path), options, notes)


def read_frame(path: Path) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Read a table, with notes on what was odd about it.

    Raises:
        InputError: it cannot be read.
    """
    frame, notes = _read_parquet(path) if path.suffix == ".parquet" else read_csv(path)
    if not len(frame):
        raise InputError(f"{path} has no rows")
    return frame, notes


def rows_of_frame(
    frame: pl.DataFrame, name: str, where: str, options: DataOptions, notes: tuple[str, ...] = ()
) -> Rows:
    """Tell the target and the columns that play a role from the features.

    Raises:
        InputError: a column is missing, or no feature is left.
    """
    if frame.width < 2:
        raise InputError(
            f"{where} has one column only, {frame.columns[0]!r}: a target and at least one feature "
            "are needed"
        )
    if options.text is not None and options.text not in frame.columns:
        raise InputError(
            f"{where} has no column {options.text!r} for --text: it has {listing(frame.columns)}"
        )
    target, target_notes = choose_target(frame, options, where)
    columns = role_columns({name: frame[name] for name in frame.columns}, options, where)
    apart = {target, *options.set_apart}
    given, origin = None, ""
    if options.split is None and "split" not in apart:
        given = _own_split(frame)
    if given is not None:
        apart.add("split")
        origin = "The split was given by column 'split'."
    x, input_notes = _inputs(frame, apart, options, where)
    return Rows(
        name=name,
        x=x,
        target=frame[target],
        columns=columns,
        ids=np.arange(len(frame)),
        given=given,
        origin=origin,
        notes=(*notes, *target_notes, *input_notes),
    )


def _inputs(
    frame: pl.DataFrame, apart: set[str], options: DataOptions, where: str
) -> tuple[pl.DataFrame | pl.Series, tuple[str, ...]]:
    """Give the features, or the texts where a column of them is named."""
    if options.text is None:
        return frame.drop(apart), ()
    if options.text in apart:
        raise InputError(f"{where}: column {options.text!r} cannot be --text and another thing too")
    texts, notes = read_texts(frame[options.text], f"column {options.text!r} of {where}")
    others = [c for c in frame.columns if c not in {*apart, *options.columns, options.text}]
    if others:
        notes = (*notes, f"The model sees the text alone; left out: {listing(others)}.")
    return texts, notes


def choose_target(
    frame: pl.DataFrame, options: DataOptions, where: str
) -> tuple[str, tuple[str, ...]]:
    """Find the column to predict: the one named, or one whose name leaves no doubt.

    Raises:
        InputError: there is none, or the choice is not clear.
    """
    if options.target is not None:
        if options.target in frame.columns:
            return options.target, ()
        raise InputError(
            f"{where} has no column {options.target!r} for --target: it has "
            f"{listing(frame.columns, 15)}"
        )
    certain = [name for name in frame.columns if name.lower() in _TARGET_NAMES]
    if len(certain) == 1:
        return certain[0], (f"Column {certain[0]!r} was taken as the target.",)
    likely = [name for name in frame.columns if {*re.findall("[a-z]+", name.lower())} & _LIKELY]
    raise InputError(
        f"{where}: name the column to predict with --target, perhaps "
        f"{listing(likely[:3] or frame.columns[-1:])}; it has {listing(frame.columns, 15)}"
    )


def _own_split(frame: pl.DataFrame) -> np.ndarray | None:
    """Give the column `split`, if there is one and it holds names of splits only."""
    if "split" not in frame.columns or frame.schema["split"] != pl.String:
        return None
    words = frame["split"]
    if not all(is_split_name(word) for word in words.unique()):
        return None
    return np.array(words.to_list(), dtype=str)


def _read_parquet(path: Path) -> tuple[pl.DataFrame, tuple[str, ...]]:
    try:
        lazy = pl.scan_parquet(path, glob=False)
        # run-length encoding lets a small file claim any number of rows
        cells = lazy.select(pl.len()).collect().item() * len(lazy.collect_schema())
        if cells > MOST_CELLS:
            raise InputError(f"{path} holds {cells:,} values, more than {MOST_CELLS:,}")
        return lazy.collect(), ()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        cause = str(error).partition("\n")[0]
        raise InputError(f"{path} cannot be read as parquet: {cause}") from None
