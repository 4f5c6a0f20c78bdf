import re
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from roadworthy.core.dataset import Feature
from roadworthy.core.errors import InputError
from roadworthy.sources.wording import listing

MOST_CATEGORIES = 50
FREE_TEXT = "text with many different values"
MISSING = "missing"
_DATE = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}.*)?$"
_IDENTIFIER = re.compile(r"(.*[_\W])?(id|index|idx|row|uuid|unnamed.*)", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Table:
    """Features as numbers.

    Args:
        x: (N, D) numbers and codes of categories, float32; a missing number is NaN.
        features: one per column, their ranges not yet known.
        is_missing: (N, D) which the source does not give.
        notes: what was left out, sentences for the report.
    """

    x: np.ndarray
    features: tuple[Feature, ...]
    is_missing: np.ndarray
    notes: tuple[str, ...] = ()


def read_features(frame: pl.DataFrame) -> Table:
    """Turn the columns of a table into numbers; leave out those that cannot be.

    Text, truth values and categories become codes in sorted order.

    Raises:
        InputError: no column is left, or one holds infinite values.
    """
    kept, features, gaps = [], [], []
    left_out: dict[str, list[str]] = {}
    # by column: each has a type of its own
    for series in frame:
        reason = _obstacle(series)
        if reason:
            left_out.setdefault(reason, []).append(series.name)
            continue
        numbers, feature = _read_number(series) if _is_number(series) else _read_category(series)
        kept.append(numbers)
        features.append(feature)
        gaps.append(series.is_null().to_numpy() | np.isnan(numbers))
    notes = tuple(f"Columns left out ({why}): {listing(names)}." for why, names in left_out.items())
    if not kept:
        way = " To judge a model of a text, name its column with --text." * (FREE_TEXT in left_out)
        raise InputError(f"no column can serve as a feature. {' '.join(notes)}{way}".strip())
    return Table(np.stack(kept, axis=1), tuple(features), np.stack(gaps, axis=1), notes)


def read_array(x: np.ndarray, names: tuple[str, ...]) -> Table:
    """Take an array (N, D) of numbers as a table; by default column k is called `xk`.

    Raises:
        InputError: a value is infinite, a name missing or the array empty.
    """
    names = names or tuple(f"x{k}" for k in range(x.shape[1]))
    if len(names) != x.shape[1]:
        raise InputError(f"there are {len(names)} feature names for {x.shape[1]} columns")
    return read_features(pl.DataFrame(x.astype(np.float64), schema=list(names), orient="row"))


def _is_number(series: pl.Series) -> bool:
    return series.dtype.is_numeric()


def _obstacle(series: pl.Series) -> str:
    """Say why a column cannot be a feature, or nothing."""
    if series.null_count() == len(series):
        return "no values"
    if series.dtype.is_temporal():
        return "dates or times"
    if _is_number(series):
        return "row identifiers" if _is_identifier(series) else ""
    if series.dtype == pl.Boolean:
        return ""
    if series.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return f"unknown type {series.dtype}"
    if series.dtype == pl.String and series.str.contains(_DATE).all():
        return "dates or times"
    most = max(2, min(MOST_CATEGORIES, len(series) // 2))
    return FREE_TEXT if series.drop_nulls().n_unique() > most else ""


def _is_identifier(series: pl.Series) -> bool:
    if not series.dtype.is_integer() or series.n_unique() < max(len(series), 3):
        return False
    counts_up = bool((series.diff().drop_nulls() == 1).all())
    return counts_up or _IDENTIFIER.fullmatch(series.name) is not None


def _read_number(series: pl.Series) -> tuple[np.ndarray, Feature]:
    with np.errstate(over="ignore"):  # too large for float32 is infinite, and said below
        numbers = series.cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float32)
    infinite = int(np.isinf(numbers).sum())
    if infinite:
        raise InputError(
            f"column {series.name!r} has {infinite} infinite values: remove or replace them"
        )
    return numbers, Feature(series.name, missing=int(np.isnan(numbers).sum()))


def _read_category(series: pl.Series) -> tuple[np.ndarray, Feature]:
    texts = series.cast(pl.String)
    categories = sorted(set(texts.drop_nulls()))
    missing = texts.null_count()
    if missing and MISSING not in categories:
        categories.append(MISSING)
    codes = texts.fill_null(MISSING).replace_strict(
        categories, range(len(categories)), return_dtype=pl.Float32
    )
    feature = Feature(series.name, "category", tuple(categories), missing=missing)
    return codes.to_numpy(), feature


def fill_and_measure(table: Table, train: np.ndarray) -> Table:
    """Fill missing numbers by the median of the training rows, and measure the columns' ranges.

    Args:
        table: the features.
        train: positions of the training rows.

    Raises:
        InputError: a column has no value in the training rows.
    """
    is_unknown = np.isnan(table.x)  # a missing category is one already
    empty = is_unknown[train].all(axis=0)
    if empty.any():
        names = [table.features[k].name for k in np.flatnonzero(empty)]
        raise InputError(f"no training row has a value in {listing(names)}: leave the column out")
    x = np.where(is_unknown, np.nanmedian(table.x[train], axis=0), table.x)
    known = x[train].astype(np.float64)
    low, high, scale = known.min(0), known.max(0), known.std(0)
    features = tuple(
        replace(
            feature,
            low=float(low[k]) if feature.kind == "number" else 0.0,
            high=float(high[k]) if feature.kind == "number" else len(feature.categories) - 1.0,
            scale=float(scale[k]) if high[k] > low[k] else 1.0,
        )
        for k, feature in enumerate(table.features)
    )
    notes = (*table.notes, *_say_missing(features))
    return replace(table, x=x, features=features, notes=notes)


def _say_missing(features: tuple[Feature, ...]) -> tuple[str, ...]:
    ways = (("number", "the training median"), ("category", f"the category {MISSING!r}"))
    gaps = {kind: [f for f in features if f.missing and f.kind == kind] for kind, _ in ways}
    return tuple(
        f"{sum(f.missing for f in gaps[kind])} missing values were filled by {filler}: "
        f"{listing(f.name for f in gaps[kind])}."
        for kind, filler in ways
        if gaps[kind]
    )
