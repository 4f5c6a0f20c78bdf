from pathlib import Path

import numpy as np
import polars as pl

from roadworthy.core.errors import InputError
from roadworthy.sources.archives import Archive
from roadworthy.sources.arrays import check_inputs, check_targets, to_series
from roadworthy.sources.data_options import DataOptions
from roadworthy.sources.rows import Rows, role_columns, stack
from roadworthy.sources.splits import APART, SYNONYMS
from roadworthy.sources.tables import choose_target, read_frame
from roadworthy.sources.wording import listing

_INPUTS = ("x", "images", "data", "features")
_TARGETS = ("y", "labels", "label", "target", "targets")
_CLASS_NAMES = ("class_names", "classes", "label_names", "target_names")
_FEATURE_NAMES = ("feature_names", "columns", "column_names")


def read_npz(path: Path, options: DataOptions, is_labelled: bool = True) -> Rows:
    """Read arrays from a .npz file.

    Splits come as `x_train`, `y_train`, `x_test`, `y_test` (or `train_images`, `train_labels`, …;
    `val` and `production` likewise), a dataset without splits as `x`, `y` (or `images`, `labels`).
    Columns that the options name are arrays (N,) of the file, or columns of the metadata file.

    Args:
        path: the file.
        options: name what plays a role.
        is_labelled: whether there must be labels; those of production rows may be missing.

    Raises:
        InputError: the arrays are not found or do not fit together.
    """
    archive = Archive(path)
    inputs = {part: key for part in SYNONYMS if (key := _find(archive, _INPUTS, part))}
    if len(inputs) > 1 or (inputs and not _find(archive, _INPUTS, "")):
        parts = [
            _read_part(archive, part, key, options, is_labelled and part not in APART)
            for part, key in inputs.items()
        ]
    else:
        key = _find(archive, _INPUTS, "")
        if key is None:
            raise InputError(f"{path} has no array 'x' nor 'x_train'; it has {listing(archive)}")
        parts = [_read_part(archive, "", key, options, is_labelled)]
    rows = _pool(parts, list(inputs)) if len(parts) > 1 else parts[0]
    return Rows(
        name=path.stem,
        x=rows.x,
        target=rows.target,
        columns=rows.columns,
        ids=rows.ids,
        given=rows.given,
        origin="The split was given by the file's arrays.",
        classes=_read_names(archive, _CLASS_NAMES),
        feature_names=_read_names(archive, _FEATURE_NAMES),
        notes=rows.notes,
    )


def _find(archive: Archive, names: tuple[str, ...], part: str) -> str | None:
    """Find the key of an array such as `x_train`, `train_images` or `X`."""
    by_key = {key.lower(): key for key in archive}
    wanted = (
        [f"{a}_{b}" for name in names for word in SYNONYMS[part] for a, b in _orders(name, word)]
        if part
        else list(names)
    )
    return next((by_key[key] for key in wanted if key in by_key), None)


def _orders(name: str, word: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return (name, word), (word, name)


def _read_part(
    archive: Archive, part: str, key: str, options: DataOptions, is_labelled: bool
) -> Rows:
    x = check_inputs(archive.read(key), f"{archive.path}: {key}")
    metadata, notes = _read_metadata(options, part, len(x))
    target, target_notes = _read_target(
        archive, part, key, options, metadata, len(x), is_labelled=is_labelled
    )
    columns: dict[str, pl.Series] = {name: metadata[name] for name in metadata.columns}
    for name in options.columns:
        found = _find(archive, (name.lower(),), part)
        if name not in columns and found is not None:
            values = archive.read(found)
            check_targets(values, len(x), f"{archive.path}: {found}", key)
            columns[name] = to_series(name, values.reshape(len(x)))
        elif name not in columns and not is_labelled:
            columns[name] = pl.Series(name, [None] * len(x))
    return Rows(
        name=archive.path.stem,
        x=x,
        target=target,
        columns=role_columns(columns, options, str(options.metadata or archive.path)),
        ids=np.arange(len(x)),
        notes=(*notes, *target_notes),
    )


def _read_metadata(options: DataOptions, part: str, n: int) -> tuple[pl.DataFrame, tuple[str, ...]]:
    if options.metadata is None:
        return pl.DataFrame(), ()
    if part:
        raise InputError("--metadata goes with one array x, not with x_train and x_test")
    frame, notes = read_frame(options.metadata)
    if len(frame) != n:
        raise InputError(
            f"{options.metadata} has {len(frame)} rows but there are {n} inputs: row k must "
            "describe input k"
        )
    return frame, notes


def _read_target(
    archive: Archive,
    part: str,
    of: str,
    options: DataOptions,
    metadata: pl.DataFrame,
    n: int,
    *,
    is_labelled: bool,
) -> tuple[pl.Series, tuple[str, ...]]:
    if options.target in metadata.columns:
        return metadata[options.target], ()
    names = _TARGETS if options.target is None else (options.target.lower(),)
    key = _find(archive, names, part)
    if key is not None:
        y = archive.read(key)
        squeezed = ("Labels of shape (N, 1) were flattened to (N,).",) if y.ndim > 1 else ()
        return check_targets(y, n, f"{archive.path}: {key}", of), squeezed
    if metadata.width:
        name, notes = choose_target(metadata, options, str(options.metadata))
        return metadata[name], notes
    if not is_labelled:
        return pl.Series("target", [None] * n), ()
    wanted = repr(options.target) if options.target else f"'y_{part}'" if part else "'y'"
    raise InputError(
        f"{archive.path} has no labels {wanted} for {of!r}; it has {listing(archive)}: name one "
        "with --target, or a CSV file with --metadata"
    )


def _pool(parts: list[Rows], names: list[str]) -> Rows:
    targets = [part.target.to_frame("target") for part in parts]
    return Rows(
        name=parts[0].name,
        x=stack([np.asarray(part.x) for part in parts], [f"x_{name}" for name in names]),
        target=pl.concat(targets, how="vertical_relaxed")["target"],
        columns=pl.concat([part.columns for part in parts], how="vertical_relaxed"),
        ids=np.concatenate([part.ids for part in parts]),
        given=np.repeat(names, [len(part) for part in parts]),
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


def _read_names(archive: Archive, keys: tuple[str, ...]) -> tuple[str, ...]:
    key = _find(archive, keys, "")
    if key is None:
        return ()
    names = tuple(map(str, archive.read(key).reshape(-1).tolist()))
    if len(set(names)) < len(names):
        raise InputError(f"{archive.path}: the names in {key!r} must differ: {listing(names)}")
    return names
