from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import count, exact_proportion
from roadworthy.core.finding import Finding, Remedy, Table
from roadworthy.core.fingerprint import fingerprint

SAME_LINE = 1e-10  # how far below 1 a correlation may be by rounding to single precision
FEWEST_REPEATS = 10  # rows per value: else any two columns of distinct values map one to one


@dataclass(frozen=True)
class ConstantFeatures(Check):
    """Are there columns that say nothing, or that repeat another one?

    What it does: finds the column that deviates from its most frequent value in the smallest share
    of training rows; as a column that is constant here may vary elsewhere, that share has an
    interval, and on few rows even a constant column only warns. Then finds columns that repeat an
    earlier one: a straight line of it (so also its copy in other units), or another coding of the
    same values, as `education-num` is of `education`.
    Why it matters: a constant column often comes of a broken join or filter, and a model may go
    wrong when it varies in use. A repeated one halves the importance that explanations give it and
    lets someone change one copy only.
    When it does not apply: images.
    How to fix: find out why, then drop the column.
    References: Kuhn and Johnson 2013, doi:10.1007/978-1-4614-6849-3, section 3.5.

    Args:
        min_variation: least share of rows that deviate from a column's most frequent value.
        max_repeated: how many columns may repeat another one.
    """

    min_variation: float = limit(
        0.001, "above", "from fewer than one row in a thousand little can be learned or tested"
    )
    max_repeated: float = limit(0, "below", "a repeated column carries nothing new")

    card = Card("constant-features", "Columns that say nothing new")
    code = "RW-DATA-003"
    area = "data"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if not subject.dataset.features:
            raise NotAssessed("it looks at the columns of a table; the inputs are images")
        return ()

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data = subject.dataset
        names = [feature.name for feature in data.features]
        x = data.train.x.double().numpy()
        deviating = np.array(
            [len(x) - np.unique(column, return_counts=True)[1].max() for column in x.T]
        )
        return (
            self._judge_variation(names, deviating, len(x)),
            self._judge_repeats(names, x, deviating > 0),
        )

    def _judge_variation(self, names: list[str], deviating: np.ndarray, n: int) -> Finding:
        order = deviating.argsort(kind="stable")
        least = order[0]
        share = exact_proportion(f"rows that deviate in {names[least]!r}", int(deviating[least]), n)
        poor = [j for j in order if deviating[j] / n < self.min_variation]
        claim = f"Every one of the {len(names)} columns varies; {names[least]!r} does so the least."
        if poor:
            constant = int((deviating == 0).sum())
            claim = (
                f"{len(poor)} of {len(names)} columns hardly vary in the training split "
                f"({constant} not at all), such as {_listed([names[j] for j in poor])}."
            )
        rows = tuple((names[j], int(deviating[j])) for j in poor)
        return self.finding(
            claim,
            scope="constant",
            estimate=share,
            threshold=self.threshold("min_variation"),
            tables=(Table("Columns that hardly vary", ("column", "deviating rows"), rows),)
            if rows
            else (),
            remedies=(Remedy("Find out why these columns do not vary, then drop them."),),
        )

    def _judge_repeats(self, names: list[str], x: np.ndarray, varies: np.ndarray) -> Finding:
        repeats = [
            (names[j], names[i]) for j, i in enumerate(first_alike(x)) if varies[j] and i != j
        ]
        claim = f"None of the {len(names)} columns repeats another one."
        if repeats:
            pairs = [f"{later!r} = {earlier!r}" for later, earlier in repeats]
            claim = f"{len(repeats)} of {len(names)} columns repeat another: {_listed(pairs, '')}."
        return self.finding(
            claim,
            scope="repeated",
            estimate=count("columns that repeat another", len(repeats), len(names)),
            threshold=self.threshold("max_repeated"),
            tables=(Table("Repeated columns", ("column", "repeats"), tuple(repeats)),)
            if repeats
            else (),
            remedies=(Remedy("Keep one of each such columns."),),
        )


def first_alike(x: np.ndarray) -> list[int]:
    """Give for each column of x (N, D) the first column that tells the same of every row."""
    first_line, first_coding = _first_line(x), _first_coding(x)
    return [min(pair) for pair in zip(first_line, first_coding, strict=True)]


def _first_line(x: np.ndarray) -> list[int]:
    """The first column of which each column is a straight line; itself where it is constant."""
    centered = x - x.mean(0)
    length = np.linalg.norm(centered, axis=0)
    unit = centered / np.where(length > 0, length, 1)
    same = np.abs(unit.T @ unit) > 1 - SAME_LINE
    np.fill_diagonal(same, True)
    return same.argmax(0).tolist()


def _first_coding(x: np.ndarray) -> list[int]:
    """The first column that has equal values in the same rows; columns of few values only."""
    first: dict[str, int] = {}
    return [first.setdefault(_coding(column, j), j) for j, column in enumerate(x.T)]


def _coding(column: np.ndarray, j: int) -> str:
    """Hash which rows of a column are equal; a name of its own where values hardly repeat."""
    _, start, code = np.unique(column, return_index=True, return_inverse=True)
    if len(start) * FEWEST_REPEATS > len(column):
        return f"column {j}"
    return fingerprint(start[code])  # a value is named after the first row that has it


def _listed(words: list[str], quote: str = "'", most: int = 5) -> str:
    shown = ", ".join(f"{quote}{word}{quote}" for word in words[:most])
    return shown if len(words) <= most else f"{shown} and {len(words) - most} more"
