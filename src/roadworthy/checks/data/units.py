from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.checks.columns import measured_by_all, parts_of
from roadworthy.checks.conversions import clusters_apart, conversion_between
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import count
from roadworthy.core.finding import Finding, Remedy, Table


@dataclass(frozen=True)
class Units(Check):
    """Are numbers of one column in several units?

    What it does: compares each column of numbers in every split but the training split with the
    training split, and in every environment with the others. Where the two distributions are far
    apart (distance of Kolmogorov and Smirnov of at least 0.5) and one conversion, such as a factor
    of 1000, inches to centimeters or Fahrenheit to Celsius, brings them together, the column is
    named. So is one whose values fall in two clusters of which one becomes the other by a power of
    ten, by inches, or by a scale of temperature. Values that were filled in are left out.
    Why it matters: a weight in grams among kilograms is a valid number, so nothing fails but the
    prediction.
    When it does not apply: images, columns of few different values. Units of which both kinds
    overlap within one split and environment, as kilograms and pounds do, are not told apart. A
    conversion is the likeliest explanation of such a jump, not a proof.
    How to fix: ask where the values come from; convert them; write the unit into the column's name.
    References: Kahn et al. 2016, doi:10.13063/2327-9214.1244 (plausibility checks of health data).

    Args:
        max_columns: how many columns may look as if they were in several units.
    """

    max_columns: float = limit(0, "below", "a column in two units is wrong in one of them")

    card = Card("units", "Numbers in several units", paper="doi:10.13063/2327-9214.1244")
    code = "RW-DATA-013"
    area = "data"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if not any(feature.kind == "number" for feature in subject.dataset.features):
            raise NotAssessed("it looks at numbers in the columns of a table; there are none")
        return ()

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data = subject.dataset
        found = [*_between_parts(data), *_within_columns(data)]
        columns = dict.fromkeys(name for name, *_ in found)
        looked = sum(feature.kind == "number" for feature in data.features)
        claim = f"None of {looked} columns of numbers looks as if it were in two units."
        if found:
            name, where, what, _ = found[0]
            claim = (
                f"{len(columns)} of {looked} columns of numbers look as if they were in two units: "
                f"{name!r} in {where} fits the rest if its values are {what}."
            )
        return (
            self.finding(
                claim,
                estimate=count("columns in several units", len(columns), looked),
                threshold=self.threshold("max_columns"),
                tables=(Table("Columns in two units", NAMES, tuple(found)),) if found else (),
                remedies=(
                    Remedy("Ask in which unit these values were written, and convert them."),
                ),
            ),
        )


NAMES = ("column", "where", "fits the rest if its values are", "values")
Row = tuple[str, str, str, int]


def _between_parts(data: Dataset) -> list[Row]:
    found = []
    for part in parts_of(data):
        for j in _numbers(data):
            own, rest = (_known(values[:, j]) for values in (part.values, part.others))
            what = conversion_between(own, rest)
            if what:
                found.append((data.features[j].name, part.name, what, len(own)))
    return found


def _within_columns(data: Dataset) -> list[Row]:
    found = []
    x = measured_by_all(data)
    for j in _numbers(data):
        clusters = clusters_apart(_known(x[:, j]))
        what = "" if clusters is None else conversion_between(*clusters, plain_only=True)
        if clusters is not None and what:
            found.append((data.features[j].name, "some of all rows", what, len(clusters[0])))
    return found


def _numbers(data: Dataset) -> list[int]:
    return [j for j, feature in enumerate(data.features) if feature.kind == "number"]


def _known(column: np.ndarray) -> np.ndarray:
    return column[~np.isnan(column)]
