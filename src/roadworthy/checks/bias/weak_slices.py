from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from roadworthy.artifacts.predictions import Predictions
from roadworthy.artifacts.roles import clusters
from roadworthy.artifacts.slices import WeakSlices, WeakSlicesValue, errors_of
from roadworthy.checks.examples import pictures_of, rows_of, values_of
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import (
    Measure,
    Part,
    design_effect,
    difference,
    differences,
    equality,
    holm,
    largest_of,
    proportion,
)
from roadworthy.core.finding import Examples, Figure, Finding, Remedy, Series, Table

MOST_SLICES = 3  # each further one widens the intervals of all
LEAST_ROWS = 200
LEAST_ERRORS = 10
WHERE = ("where", "outside of")


@dataclass(frozen=True)
class WeakSlicesOfRows(Check):
    """Is there a kind of row on which the model is much worse, though nobody named it?

    What it does: looks on one half of the test rows for conditions on one or two columns under
    which the model errs more, and judges on the other half by how much: the share of errors inside
    the slice minus that outside, for regression the mean distances as multiples of that over all
    rows. So the search, however long, cannot make a finding out of noise. Columns are the features,
    sensitive attributes and environment; of images brightness, contrast, detail and the five main
    components of the model's embeddings, or of the pixels where it offers none; of texts length,
    capitals, digits and the five main components of the words. At most three
    slices are judged, each among the rows that those before leave; their intervals hold together
    (Newcombe's widened by Bonferroni; a studentized bootstrap for numbers) and p-values are
    corrected (Holm). Rows of one group lie in one half, and count for as many as they are worth
    (design effect).
    Why it matters: a model can be good on average and useless for a part of those it is used on,
    which no list of attributes has foreseen.
    When it does not apply: fewer than 200 test rows, or fewer than 10 errors. A slice of under 5 %
    or over half of the rows, or one that takes three conditions, is not found; a slice may be hard
    for any model, as where labels are noisy.
    How to fix: look at the rows of the slice; collect more like them, or columns that tell what
    sets them apart; do not use the model there.
    References: Chung et al. 2019, arXiv:1807.06068 (slices by conditions); Sagadeeva and Boehm
    2021, doi:10.1145/3448016.3457323 (pairs of conditions as a product of matrices); Athey and
    Imbens 2016, doi:10.1073/pnas.1510489113 (honest split); Holm 1979.

    Args:
        max_gap: largest share of errors inside a slice above that outside.
        max_excess: the same for regression, as a multiple of the mean distance over all rows.
        min_rows: rows that a slice has at least in the half that is searched.
    """

    max_gap: float = limit(0.1, "below", "as large as a gap between named groups may be")
    max_excess: float = limit(
        0.5, "below", "a convention: errors half as large again are another model"
    )
    min_rows: int = 30

    card = Card(
        "weak-slices",
        "Slices on which the model fails",
        aliases=("slice-discovery", "worst-group"),
        paper="arxiv:1807.06068",
    )
    code = "RW-BIAS-004"
    area = "bias"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        have = len(subject.dataset.test)
        if have < LEAST_ROWS:
            raise NotAssessed(f"it needs at least {LEAST_ROWS} test rows; there are {have}")
        return (Predictions("test"), self._search(subject))

    def _search(self, subject: Subject) -> WeakSlices:
        return WeakSlices(subject.effort.judged, MOST_SLICES, self.min_rows)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data = subject.dataset
        found, error = get(self._search(subject)), errors_of(data, get(Predictions("test")))
        is_number = data.task == Task.REGRESSION
        wrong = int((error > 0).sum())
        if wrong < LEAST_ERRORS:
            raise NotAssessed(
                f"the model errs on {wrong} of {len(error)} test rows: too few to see where"
            )
        if not found.words:
            raise NotAssessed("no condition on a column holds for enough of the test rows")
        compared = self._compare_numbers if is_number else self._compare_shares
        slices = compared(subject, found, error[found.rows.numpy()])
        top, estimate = largest_of(slices, lambda each: each.size)
        limit_name = "max_excess" if is_number else "max_gap"
        return (
            self.finding(
                _claim(top, found, is_number),
                estimate=estimate,
                threshold=self.threshold(limit_name),
                measures=tuple(m for each in slices for m in (each.inside, each.outside)),
                figures=(_figure(slices, is_number),),
                tables=(_table(slices),),
                examples=_examples(subject, found, slices.index(top), error),
                remedies=(
                    Remedy(
                        f"Look at the rows where {top.words}: collect more like them, or columns "
                        "that tell what sets them apart."
                    ),
                    Remedy("Where that is not possible, let a person decide these cases."),
                ),
            ),
        )

    def _compare_numbers(
        self, subject: Subject, found: WeakSlicesValue, error: np.ndarray
    ) -> "list[_Slice]":
        people = clusters(subject.dataset, subject.dataset.test.take(found.rows))
        scaled = error / error.mean()
        parts = [
            Part(f"mean distance {where} {words}", scaled, of)
            for words, *sides in _sides(found)
            for where, of in zip(WHERE, sides, strict=True)
        ]
        pairs = [
            (f"excess error where {words}", 2 * k, 2 * k + 1) for k, words in enumerate(found.words)
        ]
        seed = subject.seed_for(self)
        compared = differences(parts, pairs, seed=seed, clusters=people)
        means = compared.means
        return [
            _Slice(words, means[2 * k], means[2 * k + 1], size, float(p_value))
            for k, (words, size, p_value) in enumerate(
                zip(found.words, compared.sizes, compared.p_values, strict=True)
            )
        ]

    def _compare_shares(
        self, subject: Subject, found: WeakSlicesValue, error: np.ndarray
    ) -> "list[_Slice]":
        people = clusters(subject.dataset, subject.dataset.test.take(found.rows))
        many, is_wrong, slices = len(found.words), error > 0, []
        for words, *sides in _sides(found):
            designs = [
                design_effect(is_wrong[of], None if people is None else people[of], many)
                for of in sides
            ]
            a, b = (
                proportion(
                    f"errors {where} {words}",
                    int(is_wrong[of].sum()),
                    int(of.sum()),
                    many,
                    design=design,
                )
                for where, of, design in zip(WHERE, sides, designs, strict=True)
            )
            size = difference(f"excess errors where {words}", a, b)
            slices.append(_Slice(words, a, b, size, equality(a, b, (designs[0], designs[1]))))
        corrected = holm(np.array([each.p_value for each in slices]))
        return [replace(each, p_value=float(p)) for each, p in zip(slices, corrected, strict=True)]


@dataclass(frozen=True)
class _Slice:
    """How the model does inside and outside of a slice, on rows that the search did not see."""

    words: str
    inside: Measure
    outside: Measure
    size: Measure
    p_value: float


def _sides(found: WeakSlicesValue) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Give each slice's words and rows (R,) inside, and outside of it and of those before."""
    member = found.member.numpy()
    for k, words in enumerate(found.words):
        yield words, member[k], ~member[: k + 1].any(0)


def _claim(top: _Slice, found: WeakSlicesValue, is_number: bool) -> str:
    inside, outside = top.inside.value, top.outside.value
    if is_number:
        compared = f"mean error {inside:.2f} times the usual against {outside:.2f}"
    else:
        compared = f"accuracy {1 - inside:.1%} against {1 - outside:.1%}"
    where = f"{top.words}, {top.inside.n} rows: {compared}"
    if top.size.low > 0:
        return f"The model is worse where {where} outside."
    return (
        f"Of {found.tried:,} conditions and pairs of them none holds up on rows that the search "
        f"did not see; the worst was {where} outside."
    )


def _table(slices: list[_Slice]) -> Table:
    return Table(
        "Slices found on one half of the test rows, judged on the other",
        ("slice", "rows", "error inside", "outside", "excess", "low", "high", "p corrected"),
        tuple(
            (
                s.words,
                s.inside.n,
                s.inside.value,
                s.outside.value,
                s.size.value,
                s.size.low,
                s.size.high,
                s.p_value,
            )
            for s in slices
        ),
    )


def _figure(slices: list[_Slice], is_number: bool) -> Figure:
    words = [each.words for each in slices]
    return Figure(
        kind="bar",
        title="Errors inside and outside of the slices",
        text="Errors inside and outside of each slice, on rows that the search did not see.",
        x_label="slice",
        y_label="multiples of the mean distance" if is_number else "share of errors",
        series=(
            Series.of("inside", words, [s.inside for s in slices]),
            Series.of("outside", words, [s.outside for s in slices]),
        ),
    )


def _examples(
    subject: Subject, found: WeakSlicesValue, k: int, error: np.ndarray
) -> tuple[Examples, ...]:
    """The rows of a slice on which the model errs, the worst first."""
    data = subject.dataset
    inside = found.rows[found.member[k]].numpy()
    wrong = inside[error[inside] > 0]
    wrong = wrong[np.argsort(-error[wrong], kind="stable")]
    title = f"Errors where {found.words[k]}"
    return (
        Examples(
            title,
            rows_of(data.test, wrong),
            pictures=pictures_of(data, data.test, wrong, [""] * len(wrong)),
            table=values_of(data, data.test, wrong, title),
            total=len(wrong),
        ),
    )
