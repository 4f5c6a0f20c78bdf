from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.duplicates import EqualRows
from roadworthy.artifacts.learner import is_refit
from roadworthy.artifacts.left_out_environments import (
    LeftOutEnvironments,
    LeftOutEnvironmentsValue,
)
from roadworthy.artifacts.roles import clusters, is_known, joined
from roadworthy.checks.doubt import judged_beyond_doubt
from roadworthy.checks.examples import rows_of
from roadworthy.checks.methodology.exact_duplicates import are_telling
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit, not_assessed
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import (
    Measure,
    bootstrap,
    count,
    largest_of,
    paired_difference,
)
from roadworthy.core.finding import Examples, Figure, Finding, Remedy, Series, Table


@dataclass(frozen=True)
class ExternalValidation(Check):
    """Does the model hold where it was not trained?

    What it does: leaves each environment (hospital, camera, vendor) out once, trains the model
    again on the others and judges it there; where it cannot be trained again, a quick linear model
    stands in, and the finding says so. That is compared, row by row, with the same training on as
    many rows of all environments, which has seen other rows of the one in question. Judges the
    largest drop in accuracy (of numbers: rise of the mean error, in spreads of the target), by a
    bootstrap over rows, clustered by group where one is named, and widened for the number of
    environments. Also counts rows that are copied from one environment to another: "Frankenstein"
    data sets, put together from others that share images, are no test of one another.
    Why it matters: what was learned from the scanner is right at home and wrong elsewhere. Of 62
    studies of COVID-19 that Roberts et al. kept for review, none was of use to a clinic.
    When it does not apply: no environment is named, which means that nothing is known of other
    places; classes of one environment only. A model that passes can still rely on what the sources
    share.
    How to fix: collect from more sources; test on one that was not trained on; look for what tells
    the source (RW-LEAK-004, RW-LEAK-007).
    References: Roberts et al. 2021, doi:10.1038/s42256-021-00307-0; DeGrave et al. 2021,
    doi:10.1038/s42256-021-00338-7; Zech et al. 2018, doi:10.1371/journal.pmed.1002683.

    Args:
        max_drop: largest drop in accuracy, or rise of the error, in an environment left out.
        max_copies: largest share of rows that another environment has too.
    """

    max_drop: float = limit(
        0.05, "below", "five points are more than models that compete usually differ by"
    )
    max_copies: float = limit(
        0.001, "below", "so few cannot move a reported accuracy by more than 0.1 points"
    )

    card = Card(
        "external-validation",
        "A source that was left out",
        aliases=("leave-one-environment-out",),
        paper="doi:10.1038/s42256-021-00307-0",
    )
    code = "RW-LEAK-008"
    area = "methodology"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        data = subject.dataset
        column = data.roles.environment
        if column is None:
            raise NotAssessed(
                "no external validation: no environment is named, so nothing is known of places "
                "that the data do not come from: pass --environment COLUMN"
            )
        values = joined(data, column)
        if len(np.unique(values[is_known(values)].astype(str))) < 2:
            raise NotAssessed(f"no external validation: all rows have the same {column!r}")
        return (LeftOutEnvironments(), EqualRows())

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        copies = self._judge_copies(subject, get)
        try:
            return (self._judge_drop(subject, get(LeftOutEnvironments())), copies)
        except NotAssessed as reason:
            return (not_assessed(self, str(reason), "left out"), copies)

    def _judge_drop(self, subject: Subject, value: LeftOutEnvironmentsValue) -> Finding:
        each = [_compared(subject, value, k, self) for k in range(len(value.names))]
        place, worst = largest_of(range(len(each)), lambda k: each[k][0])
        name = value.names[place]
        threshold = self.threshold("max_drop")
        verdict, reason = judged_beyond_doubt(worst, threshold)
        is_number = subject.dataset.task == Task.REGRESSION
        what = "mean error (in spreads of the target)" if is_number else "share of errors"
        _, outside, inside = each[place]
        who = "the model, trained again," if is_refit(subject) else "a quick linear model"
        return self.finding(
            f"In {name!r}, trained on the other {subject.dataset.roles.environment!r} only, {who} "
            f"has a {what} of {outside.value:.3f}; trained on as many rows of all, "
            f"{inside.value:.3f}.",
            verdict=verdict,
            scope="left out",
            reason=reason,
            estimate=worst,
            threshold=threshold,
            measures=tuple(measure for entry in each for measure in entry),
            figures=(_figure(value.names, each, what),),
            tables=_skipped(value),
            remedies=(
                Remedy("Collect from more sources, and test on one that was not trained on."),
                Remedy("Look for what tells the source: borders, tokens, brightness, file format."),
            ),
        )

    def _judge_copies(self, subject: Subject, get: Get) -> Finding:
        data, equal = subject.dataset, get(EqualRows())
        assert data.roles.environment is not None
        values = joined(data, data.roles.environment)
        key = np.concatenate([equal.train.numpy(), equal.test.numpy()])
        copied = _in_several(key, values) & is_known(values)
        copied &= are_telling(data)  # rows of few values, or words, are equal by chance
        parts = np.split(copied, [len(data.train)])
        rows = [
            row
            for split, part in zip((data.train, data.test), parts, strict=True)
            for row in rows_of(split, np.flatnonzero(part))
        ]
        found = int(copied.sum())
        title = "Rows that another source has too"
        return self.finding(
            f"{found} of {len(copied)} rows are copies of rows of another "
            f"{data.roles.environment!r}.",
            scope="copies across sources",
            estimate=count("rows of several sources", found / len(copied), len(copied), "share"),
            threshold=self.threshold("max_copies"),
            examples=(Examples(title, tuple(rows), total=found),) if rows else (),
            remedies=(Remedy("Find out which source the rows come from; keep them once."),)
            if rows
            else (),
        )


def _compared(
    subject: Subject, value: LeftOutEnvironmentsValue, k: int, check: ExternalValidation
) -> tuple[Measure, Measure, Measure]:
    """Estimate the drop in an environment, and the errors from outside and inside."""
    own = value.environment == k
    rows = subject.dataset.train.take(value.rows[own])
    groups, seed = clusters(subject.dataset, rows), subject.seed_for(check)
    outside, inside = value.outside[own].numpy(), value.inside[own].numpy()
    name = value.names[k]
    drop = paired_difference(
        f"rise of the error in {name!r}",
        outside,
        inside,
        seed=seed,
        clusters=groups,
        comparisons=len(value.names),
    )
    errors = [
        bootstrap(
            f"error in {name!r} {how}",
            lambda rows, of=of: float(of[rows].mean()),  # type: ignore[misc]
            len(of),
            seed=seed,
            clusters=groups,
        )
        for how, of in (("from outside", outside), ("from inside", inside))
    ]
    return drop, errors[0], errors[1]


def _in_several(key: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Say of each key (N,) whether it occurs with several values (N,): (N,) bool."""
    code = np.unique(values.astype(str), return_inverse=True)[1]
    pairs = np.unique(np.stack([key, code]), axis=1)[0]
    is_several: np.ndarray = (np.bincount(pairs, minlength=int(key.max()) + 1) > 1)[key]
    return is_several


def _skipped(value: LeftOutEnvironmentsValue) -> tuple[Table, ...]:
    if not value.skipped:
        return ()
    return (Table("Sources that could not be left out", ("source", "reason"), value.skipped),)


def _figure(
    names: tuple[str, ...], each: list[tuple[Measure, Measure, Measure]], what: str
) -> Figure:
    series = []
    for place, name in ((1, "trained on the others"), (2, "trained on all")):
        errors = [entry[place] for entry in each]
        series.append(Series.of(name, names, errors))
    return Figure(
        kind="bar",
        title="Errors in a source, trained with and without it",
        text=f"The {what} in {len(names)} sources, trained without and with rows of each.",
        x_label="source",
        y_label=what,
        series=tuple(series),
    )
