from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.environment_probe import EnvironmentProbe, EnvironmentProbeValue
from roadworthy.artifacts.roles import clusters, is_known, joined, role_column
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, bootstrap, count, proportion
from roadworthy.core.finding import Figure, Finding, Remedy, Series, Table

MOST_ENVIRONMENTS = 20
MOST_CLASSES = 8


@dataclass(frozen=True)
class SourceConfounding(Check):
    """Does the label follow the source of the rows?

    What it does: measures the association of environment (hospital, camera, vendor) and label over
    all rows by Cramér's V with Bergsma's correction for its bias, 0 for none and 1 where one
    settles the other, with a bootstrap clustered by group where one is named. Also: how many
    labels come from one environment and how many environments have one label; how often a guess
    that knows only the environment, learned on the training split, is right on the test split; and
    whether a linear model can tell the environment from the input (balanced accuracy,
    cross-fitted).
    Why it matters: where all ill come from one hospital and all healthy from another, a model can
    learn the scanner instead of the illness and pass every test on such data.
    When it does not apply: no environment column is named, all rows have one environment,
    regression. An association can be real, as in a specialist clinic: then the model still learns
    it, and will be wrong elsewhere. Where environments are of one label each, that the input tells
    the environment can be the label's doing.
    How to fix: collect every label from every source; weight or balance within sources; test on a
    source that was not trained on.
    References: Bergsma 2013, doi:10.1016/j.jkss.2012.10.002; Roberts et al. 2021,
    doi:10.1038/s42256-021-00307-0; DeGrave et al. 2021, doi:10.1038/s42256-021-00338-7.

    Args:
        max_association: largest Cramér's V of environment and label.
    """

    max_association: float = limit(
        0.3, "below", "a medium effect by Cohen 1988 (w = 0.3) where there are two of one of them"
    )

    card = Card(
        "source-confounding",
        "The label follows the source",
        paper="doi:10.1016/j.jkss.2012.10.002",
    )
    code = "RW-LEAK-004"
    area = "methodology"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        data = subject.dataset
        column = role_column(data, "environment")
        if data.task == Task.REGRESSION:
            raise NotAssessed("it compares class labels by source; the target is a number")
        values = joined(data, column)
        if len(np.unique(values[is_known(values)].astype(str))) < 2:
            raise NotAssessed(f"all rows have the same {column!r}")
        return (EnvironmentProbe(),)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data = subject.dataset
        column = role_column(data, "environment")
        values = joined(data, column)
        known = is_known(values)
        names, code = np.unique(values[known].astype(str), return_inverse=True)
        y = np.concatenate([data.train.y.numpy(), data.test.y.numpy()])[known]
        in_train = (np.arange(len(values)) < len(data.train))[known]
        groups = clusters(data, data.train, data.test)
        table = contingency(code, y)
        association = bootstrap(
            "Cramér's V of source and label",
            lambda rows: cramers_v(contingency(code[rows], y[rows])),
            len(y),
            seed=subject.seed_for(self),
            clusters=None if groups is None else groups[known],
        )
        single = int(((table > 0).sum(1) == 1).sum())
        here = int((table.sum(0) > 0).sum())
        lonely = int(((table > 0).sum(0) == 1).sum())
        guesses = _guesses(code, y, in_train)
        told, blind = guesses
        return (
            self.finding(
                f"{lonely} of {here} labels come from a single {column!r}, and {single} of "
                f"{len(names)} values of {column!r} have a single label (Cramér's V "
                f"{association.value:.2f}). Knowing only {column!r}, a guess is right on "
                f"{told.value:.1%} of the test rows; without it on {blind.value:.1%}.",
                estimate=association,
                threshold=self.threshold("max_association"),
                measures=(
                    count("labels of a single source", lonely, here),
                    count("sources of a single label", single, len(names)),
                    *guesses,
                    *_probe(subject, get, self),
                ),
                figures=(_figure(names, data.classes, table),),
                tables=(_table(names, data.classes, table),),
                remedies=(
                    Remedy("Collect every label from every source, or leave one source out."),
                    Remedy(
                        "Train on some sources and test on another: a drop shows what was learned "
                        "from the source."
                    ),
                ),
            ),
        )


def contingency(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Count how often values of a (N,) and b (N,) occur together."""
    columns = int(b.max()) + 1
    cells = np.bincount(a * columns + b, minlength=(int(a.max()) + 1) * columns)
    return cells.reshape(-1, columns)


def cramers_v(table: np.ndarray) -> float:
    """Association in a table of counts (R, C), corrected for bias; NaN where one never varies.

    Source: Bergsma 2013, equations 3 to 5.
    """
    table = table[table.sum(1) > 0][:, table.sum(0) > 0].astype(float)
    n, (r, c) = table.sum(), table.shape
    if min(r, c) < 2 or n < 2:
        return float("nan")
    expected = table.sum(1, keepdims=True) * table.sum(0) / n
    phi2 = float((np.square(table - expected) / expected).sum() / n)
    phi2 = max(0.0, phi2 - (r - 1) * (c - 1) / (n - 1))
    r, c = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    return float(min(1.0, np.sqrt(phi2 / (min(r, c) - 1)))) if min(r, c) > 1 else float("nan")


def _guesses(code: np.ndarray, y: np.ndarray, in_train: np.ndarray) -> tuple[Measure, Measure]:
    """How often the environment's, and the training split's, most frequent label is right."""
    counts = np.zeros((int(code.max()) + 1, int(y.max()) + 1))
    np.add.at(counts, (code[in_train], y[in_train]), 1)
    overall = counts.sum(0).argmax()
    by_environment = np.where(counts.sum(1) > 0, counts.argmax(1), overall)
    own, truth = code[~in_train], y[~in_train]
    told = int((by_environment[own] == truth).sum())
    return (
        proportion("right by the source alone", told, len(truth)),
        proportion("right by the most frequent label", int((truth == overall).sum()), len(truth)),
    )


def _probe(subject: Subject, get: Get, check: SourceConfounding) -> tuple[Measure, ...]:
    """How well the input tells the environment; nothing where too few rows are known."""
    try:
        probe = get(EnvironmentProbe())
    except NotAssessed:  # a supplement: without it the association still stands
        return ()
    train = subject.dataset.train
    groups = clusters(subject.dataset, train.take(probe.rows))
    return (_balanced_accuracy(probe, groups, subject.seed_for(check)),)


def _balanced_accuracy(
    probe: EnvironmentProbeValue, groups: np.ndarray | None, seed: int
) -> Measure:
    environment, guess = probe.environment.numpy(), probe.guess.numpy()
    found = np.unique(environment)
    right = environment == guess

    def balanced(rows: np.ndarray) -> float:
        size = np.bincount(environment[rows], minlength=found[-1] + 1)[found]
        hits = np.bincount(environment[rows], right[rows], minlength=found[-1] + 1)[found]
        return float((hits[size > 0] / size[size > 0]).mean())

    name = f"source told from the input (balanced accuracy; chance {1 / len(found):.2f})"
    return bootstrap(name, balanced, len(right), seed=seed, clusters=groups, unit="share")


def _largest(table: np.ndarray) -> np.ndarray:
    return table.sum(1).argsort(kind="stable")[::-1][:MOST_ENVIRONMENTS]


def _table(names: np.ndarray, classes: tuple[str, ...], table: np.ndarray) -> Table:
    rows = tuple((str(names[k]), int(table[k].sum()), *table[k].tolist()) for k in _largest(table))
    return Table("Rows by source and label", ("source", "rows", *classes[: table.shape[1]]), rows)


def _figure(names: np.ndarray, classes: tuple[str, ...], table: np.ndarray) -> Figure:
    shown = _largest(table)
    labels = table.sum(0).argsort(kind="stable")[::-1][:MOST_CLASSES]
    series = []
    for k in labels:
        shares = [proportion(classes[k], int(table[e, k]), int(table[e].sum())) for e in shown]
        series.append(Series.of(classes[k], tuple(str(names[e]) for e in shown), shares))
    return Figure(
        kind="bar",
        title="Labels by source",
        text=f"Share of each label by source, for the {len(shown)} largest sources.",
        x_label="source",
        y_label="share of the source's rows",
        y_range=(0.0, 1.0),
        series=tuple(series),
    )
