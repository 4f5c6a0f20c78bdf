from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.checks.columns import measured, measured_by_all, parts_of
from roadworthy.checks.examples import rows_of, values_of
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import count
from roadworthy.core.finding import Examples, Finding, Remedy, Table

FAR = 5.0  # widths of the training range
# what people write where they have no value, or a larger one than fits
SENTINELS = (-1, -2, -7, -8, -9, -88, -99, -888, -999, -9999, -99999)
LARGE_SENTINELS = (88, 99, 888, 999, 8888, 9999, 88888, 99999, 999999)
FEWEST_SENTINELS = 3  # rows
FEWEST_OTHERS = 5  # different values beside the sentinels
BY_CHANCE = 0.001  # probability, over all columns and parts, that chance made a column constant


@dataclass(frozen=True)
class Ranges(Check):
    """Are there numbers that cannot be meant as they stand?

    What it does: three things, for each column. Values of a test or production row that are farther
    outside the training range than five times its width. Sentinels: a number that people write for
    "missing" or "more than fits" (−1, −99, 999, …) in at least three rows, which is either among
    the only negative numbers of the column, or farther from all other values than they are from
    each other; −1 counts only where it is more frequent than 0. Columns that are stuck at one value
    in a whole split or environment though they vary elsewhere, where chance would do that in fewer
    than one case in 1000; columns that are constant in most environments describe these and are not
    stuck.
    Why it matters: a sensor that is stuck, 999 for "unknown" and a slipped decimal point are valid
    numbers: the model answers, and is wrong without a sign.
    When it does not apply: images. The limits of what is plausible are not known here: an age of
    180 among ages up to 90 is not five widths away.
    How to fix: ask what these values mean; mark missing ones as missing; repair the source.
    References: Kahn et al. 2016, doi:10.13063/2327-9214.1244 (plausibility checks of health data).

    Args:
        max_columns: how many columns may have such values.
    """

    max_columns: float = limit(0, "below", "each such column needs a look")

    card = Card("ranges", "Numbers that cannot be meant", paper="doi:10.13063/2327-9214.1244")
    code = "RW-DATA-012"
    area = "data"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if not subject.dataset.features:
            raise NotAssessed("it looks at the columns of a table; the inputs are images")
        return ()

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data = subject.dataset
        return self._judge_far(data), self._judge_sentinels(data), self._judge_stuck(data)

    def _judge_far(self, data: Dataset) -> Finding:
        low, high, width = _training_range(data)
        examples, columns = [], {}
        for split in data.splits:
            x = measured(split)
            with np.errstate(invalid="ignore"):
                times = np.maximum(x - high, low - x) / width
            is_far = np.nan_to_num(times, nan=0.0) > FAR
            columns |= dict.fromkeys(np.flatnonzero(is_far.any(0)).tolist())
            if is_far.any():
                examples.append(_examples(data, split.name, is_far, np.nan_to_num(times)))
        names = [data.features[j].name for j in columns]
        claim = f"No value lies far outside the training range of its {len(data.features)} columns."
        if names:
            n = sum(example.total for example in examples)
            claim = (
                f"{n} rows have a value more than {FAR:g} times the width of the training range "
                f"away from it, in {_listed(names)}."
            )
        return self._finding(
            "far",
            claim,
            len(names),
            len(data.features),
            "Look at these rows: is a decimal point or a unit wrong?",
            examples=tuple(examples),
        )

    def _judge_sentinels(self, data: Dataset) -> Finding:
        x = measured_by_all(data)
        rows = [
            (feature.name, value, n)
            for j, feature in enumerate(data.features)
            if feature.kind == "number"
            for value, n in sentinels(x[:, j])
        ]
        names = list(dict.fromkeys(name for name, *_ in rows))
        claim = f"None of {len(data.features)} columns holds a number that looks like a mark."
        if rows:
            name, value, n = max(rows, key=lambda row: row[2])
            claim = (
                f"{len(names)} of {len(data.features)} columns hold a number that looks like a "
                f"mark, such as {value:g} in {n} rows of {name!r}: “missing”, or “more than fits”."
            )
        return self._finding(
            "sentinels",
            claim,
            len(names),
            len(data.features),
            "Ask what the mark means; leave missing values empty in the source.",
            tables=(
                Table("Numbers that look like marks", ("column", "value", "rows"), tuple(rows)),
            )
            if rows
            else (),
        )

    def _judge_stuck(self, data: Dataset) -> Finding:
        rows = stuck_columns(data)
        names = list(dict.fromkeys(name for name, *_ in rows))
        claim = "No column that varies is constant in a whole split or environment."
        if rows:
            claim = (
                f"{len(names)} of {len(data.features)} columns that vary elsewhere are constant in "
                f"a whole part of the rows, such as {rows[0][0]!r} in {rows[0][1]}."
            )
        return self._finding(
            "stuck",
            claim,
            len(names),
            len(data.features),
            "Find out why these rows share one value; leave the column out until then.",
            tables=(Table("Columns stuck at a value", ("column", "where", "rows"), tuple(rows)),)
            if rows
            else (),
        )

    def _finding(
        self, scope: str, claim: str, found: int, columns: int, advice: str, **parts: Any
    ) -> Finding:
        return self.finding(
            claim,
            scope=scope,
            estimate=count("columns", found, columns),
            threshold=self.threshold("max_columns"),
            remedies=(Remedy(advice),),
            **parts,
        )


def _training_range(data: Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give each column's lowest and highest training value, and the width between; else infinity.

    Categories, and columns that do not vary, have no range to be outside of.
    """
    x = measured(data.train)
    low, high = _ends(x)
    is_number = np.array([feature.kind == "number" for feature in data.features])
    has_range = is_number & (high > low)
    return low, high, np.where(has_range, np.where(has_range, high - low, 1.0), np.inf)


def sentinels(column: np.ndarray) -> list[tuple[float, int]]:
    """Find numbers in values (N,) that look like marks for “missing”, and how often they occur."""
    values, times = np.unique(column[~np.isnan(column)], return_counts=True)
    is_mark = np.isin(values, (*SENTINELS, *LARGE_SENTINELS))
    others = values[~is_mark]
    if len(others) < FEWEST_OTHERS:
        return []
    is_isolated = np.maximum(values - others[-1], others[0] - values) > others[-1] - others[0]
    # −1 is a common number where 0 is, as of differences
    is_common = (values == -1) & (times < times[values == 0].sum())
    is_odd = (others[0] >= 0) & (values < 0) & ~is_common
    is_found = is_mark & (times >= FEWEST_SENTINELS) & (is_isolated | is_odd)
    return list(zip(values[is_found].tolist(), times[is_found].tolist(), strict=True))


def stuck_columns(data: Dataset) -> list[tuple[str, str, int]]:
    """Find columns that are constant in a part of the rows: their name, the part and its rows."""
    parts = parts_of(data)
    is_constant = np.array([_is_constant(part.values) for part in parts])
    is_environment = np.array([part.is_environment for part in parts])
    describes = np.zeros(len(data.features), dtype=bool)
    if is_environment.any():
        describes = is_constant[is_environment].mean(0) > 0.5
    found = []
    for part, constant in zip(parts, is_constant, strict=True):
        for j in np.flatnonzero(constant & ~describes):
            own = part.values[:, j]
            value = own[~np.isnan(own)][0]
            rest = part.others[:, j]
            rest = rest[~np.isnan(rest)]
            share = float((rest == value).mean()) if len(rest) else 1.0
            chance = share**part.groups * len(parts) * len(data.features)
            if chance < BY_CHANCE:
                found.append((data.features[j].name, part.name, len(own)))
    return found


def _is_constant(x: np.ndarray) -> np.ndarray:
    low, high = _ends(x)
    is_constant: np.ndarray = low == high
    return is_constant


def _ends(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give each column's lowest and highest known value (D,); without any, ∞ and −∞."""
    known = ~np.isnan(x)
    return x.min(0, initial=np.inf, where=known), x.max(0, initial=-np.inf, where=known)


def _examples(data: Dataset, name: str, is_far: np.ndarray, times: np.ndarray) -> Examples:
    split = data.split(name)
    rows = np.flatnonzero(is_far.any(1))
    rows = rows[np.argsort(-times[rows].max(1), kind="stable")]
    worst = times[rows].argmax(1)
    title = f"Rows of the {name} split far outside the training range"
    return Examples(
        title=title,
        rows=rows_of(split, rows),
        details=tuple(
            f"in {data.features[j].name!r}, by {times[row, j]:.1f} widths"
            for row, j in zip(rows[:1000], worst, strict=False)
        ),
        table=values_of(data, split, rows, title),
        total=len(rows),
    )


def _listed(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(map(repr, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
