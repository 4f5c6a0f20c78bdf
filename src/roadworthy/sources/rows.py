from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from roadworthy.core.errors import InputError
from roadworthy.sources.data_options import DataOptions
from roadworthy.sources.wording import listing


@dataclass(frozen=True, eq=False)
class Rows:
    """What a source holds, before it is split and its labels and columns are numbered.

    Args:
        name: what the report calls it.
        x: images or features (N, …) as an array, features as a table, or texts as a series.
        target: (N,) labels or numbers as they stand in the source.
        columns: the columns that play a role, as they stand in the source.
        ids: (N,) row numbers in the source.
        given: (N,) the split of each row where the source has one; empty words where only rows
            that stay apart are told.
        origin: where that split comes from, a sentence.
        classes: class names that the source gives, by number.
        feature_names: names of the columns of an array of features.
        notes: what reading changed or guessed.
    """

    name: str
    x: np.ndarray | pl.DataFrame | pl.Series
    target: pl.Series
    columns: pl.DataFrame
    ids: np.ndarray
    given: np.ndarray | None = None
    origin: str = ""
    classes: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, picked: np.ndarray) -> "Rows":
        """Keep some rows, by mask."""
        return replace(
            self,
            x=self.x[picked] if isinstance(self.x, np.ndarray) else self.x.filter(picked),
            target=self.target.filter(picked),
            columns=self.columns.filter(picked) if self.columns.width else self.columns,
            ids=self.ids[picked],
            given=None if self.given is None else self.given[picked],
        )


def role_columns(
    columns: Mapping[str, pl.Series], options: DataOptions, where: str
) -> pl.DataFrame:
    """Pick the columns that the options name.

    Raises:
        InputError: there is none of that name.
    """
    for name, option in options.columns.items():
        if name not in columns:
            have = f"it has {listing(columns)}" if columns else "it has no columns"
            raise InputError(f"{where} has no column {name!r} for {option}: {have}")
    return pl.DataFrame({name: columns[name] for name in options.columns})


def join(train: Rows, test: Rows) -> Rows:
    """Put two sources together, one for each split.

    Raises:
        InputError: they do not hold the same columns, or are split already.
    """
    for rows in (train, test):
        if rows.given is not None:
            raise InputError(f"{rows.name} is split already: leave out --test")
    return replace(
        _stacked(train, test, "test"),
        given=np.repeat(["train", "test"], [len(train), len(test)]),
        origin=f"The split was given: train is {train.name}, test is {test.name}.",
    )


def add_apart(rows: Rows, others: Rows, split: str) -> Rows:
    """Put rows of a split that stays apart behind those that a model is trained and tested on.

    Raises:
        InputError: they do not hold the same columns.
    """
    given = np.full(len(rows), "") if rows.given is None else rows.given
    note = f"{split.capitalize()} rows are {others.name}."
    return replace(
        _stacked(rows, others, split),
        given=np.concatenate([given, np.full(len(others), split)]),
        notes=tuple(dict.fromkeys((*rows.notes, *others.notes, note))),
    )


def _stacked(first: Rows, second: Rows, word: str) -> Rows:
    targets = (rows.target.to_frame("target") for rows in (first, second))
    return replace(
        first,
        x=_join_inputs(first, second, word),
        target=_join_tables(*targets, word)["target"].alias(first.target.name),
        columns=_join_tables(first.columns, second.columns, word),
        ids=np.concatenate([first.ids, second.ids]),
        notes=tuple(dict.fromkeys((*first.notes, *second.notes))),
    )


def _join_inputs(first: Rows, second: Rows, word: str) -> np.ndarray | pl.DataFrame | pl.Series:
    if isinstance(first.x, pl.DataFrame) and isinstance(second.x, pl.DataFrame):
        return _join_tables(first.x, second.x, word)
    if isinstance(first.x, pl.Series) and isinstance(second.x, pl.Series):
        return pl.concat([first.x, second.x])
    if isinstance(first.x, np.ndarray) and isinstance(second.x, np.ndarray):
        return stack([first.x, second.x], [first.name, second.name])
    raise InputError(
        f"{first.name} and {second.name} are not of one kind: one a table, one arrays or texts"
    )


def _join_tables(train: pl.DataFrame, test: pl.DataFrame, word: str) -> pl.DataFrame:
    for first, second, other in ((train, test, word), (test, train, "training")):
        lacking = [name for name in first.columns if name not in second.columns]
        if lacking:
            raise InputError(f"the {other} file has no column {listing(lacking)}")
    kinds = {name: (train.schema[name], test.schema[name]) for name in train.columns}
    mixed = [name for name, (a, b) in kinds.items() if (a == pl.String) != (b == pl.String)]
    # a column that is text in one file only is text in both; an empty one is anything
    text = [name for name in mixed if pl.Null not in kinds[name]]
    casts = [pl.col(name).cast(pl.String) for name in text]
    order = [pl.col(name) for name in train.columns]
    parts = [part.select(order).with_columns(casts) for part in (train, test)]
    if not train.width:
        return train
    try:
        return pl.concat(parts, how="vertical_relaxed")
    except pl.exceptions.PolarsError as error:
        raise InputError(f"the two files' columns differ in kind: {error}") from None


def stack(arrays: list[np.ndarray], names: list[str]) -> np.ndarray:
    """Concatenate inputs of one shape and type.

    Raises:
        InputError: they differ.
    """
    for array, name in zip(arrays, names, strict=True):
        if array.shape[1:] != arrays[0].shape[1:] or array.dtype != arrays[0].dtype:
            raise InputError(
                f"{names[0]} holds {arrays[0].dtype} inputs of shape {arrays[0].shape[1:]}, but "
                f"{name} holds {array.dtype} of {array.shape[1:]}"
            )
    return np.concatenate(arrays)
