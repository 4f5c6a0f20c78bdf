from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from roadworthy.artifacts.predictions import Predictions
from roadworthy.artifacts.roles import clusters, is_known, role_column
from roadworthy.checks.repairs import by_training
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, gap, largest_of, share_of_rows
from roadworthy.core.finding import Figure, Finding, Remedy, Series, Table

MOST_ENVIRONMENTS = 30


@dataclass(frozen=True)
class EnvironmentGaps(Check):
    """Does the model err more in one environment than in the others?

    What it does: compares the accuracy in each environment (hospital, camera, vendor) of the test
    split with that in all others together. The judged number is the largest gap; the intervals hold
    together (Newcombe's, widened by Bonferroni); rows of one group of `--group` count for as many
    as they are worth (design effect).
    Why it matters: a model is used somewhere, not on the average; an accuracy over all sources
    hides the one in which it fails.
    When it does not apply: no environment is named, fewer than two have `min_rows` test rows,
    regression. Environments that the model was trained on say little of a new one.
    How to fix: more rows of the environment that fares worse; reweighing; training that asks for
    what holds in all of them.
    References: Newcombe 1998 (interval); Koh et al. 2021, arXiv:2012.07421 (performance by
    domain); Sagawa et al. 2020, arXiv:1911.08731 (worst group).

    Args:
        max_gap: largest gap in accuracy between an environment and the others.
        min_rows: test rows that an environment needs.
    """

    max_gap: float = limit(0.1, "below", "no standard sets one: set what the use can bear")
    min_rows: int = 20

    card = Card("environment-gaps", "Gaps between environments", paper="arxiv:2012.07421")
    code = "RW-SHIFT-002"
    area = "shift"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        role_column(subject.dataset, "environment")
        if subject.dataset.task == Task.REGRESSION:
            raise NotAssessed("it compares accuracies; the target is a number")
        return (Predictions("test"),)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data = subject.dataset
        column = role_column(data, "environment")
        values = data.test.columns[column]
        known = is_known(values)
        places = values[known].astype(str)
        right = (get(Predictions("test")).choice == data.test.y).numpy()[known]
        names, rows = np.unique(places, return_counts=True)
        judged = names[rows >= self.min_rows]
        if len(judged) < 2:
            raise NotAssessed(f"fewer than two values of {column!r} have {self.min_rows} test rows")
        together = clusters(data, data.test.take(torch.from_numpy(known)))

        def accuracy(name: str, of: np.ndarray) -> Measure:
            people = None if together is None else together[of]
            return share_of_rows(name, right[of], people, len(judged))

        own = [accuracy(str(name), places == name) for name in judged]
        others = [accuracy("others", places != name) for name in judged]
        gaps = [
            gap(f"gap in accuracy between {name} and the others", a, b)
            for name, a, b in zip(judged, own, others, strict=True)
        ]
        top, estimate = largest_of(range(len(judged)), gaps.__getitem__)
        small = [str(name) for name in names[rows < self.min_rows]]
        left_out = f" Too small to compare: {', '.join(small)}." if small else ""
        worst_first = sorted(own, key=lambda share: share.value)[:MOST_ENVIRONMENTS]
        return (
            self.finding(
                f"The value of {column!r} that differs most surely is {judged[top]}: "
                f"{own[top].value:.1%} of its test rows are right, {others[top].value:.1%} of the "
                f"others ({len(judged)} compared).{left_out}",
                estimate=estimate,
                threshold=self.threshold("max_gap"),
                measures=tuple(worst_first),
                figures=(_figure(column, worst_first),),
                tables=(
                    Table(
                        f"Accuracy by {column}, worst first",
                        (column, "test rows", "accuracy", "low", "high"),
                        tuple((s.name, s.n, s.value, s.low, s.high) for s in worst_first),
                    ),
                ),
                remedies=(
                    Remedy(f"Collect more rows from where {judged[top]} comes from."),
                    by_training(
                        subject, "Learn for the environment that fares worst.", "group-dro"
                    ),
                    Remedy("Leave one environment out of the training, and test on it."),
                ),
            ),
        )


def _figure(column: str, shares: list[Measure]) -> Figure:
    return Figure(
        kind="bar",
        title=f"Accuracy by {column}",
        text=f"Accuracy on test rows by {column}, worst first.",
        x_label=column,
        y_label="accuracy",
        y_range=(0.0, 1.0),
        series=(Series.of("accuracy", tuple(share.name for share in shares), shares),),
    )
