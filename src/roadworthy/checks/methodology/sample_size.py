from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.predictions import Predictions
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import Dataset, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import bootstrap, count
from roadworthy.core.finding import Finding, Remedy, Table
from roadworthy.core.model import Offer, require
from roadworthy.core.sample_size import UNKNOWN, largest_r_squared, rows_needed

TEST = Predictions("test")


@dataclass(frozen=True)
class SampleSize(Check):
    """Are there enough training rows for so many columns?

    What it does: counts the coefficients that a linear model of the table has (a number is one, a
    category one less than its values), and computes how many training rows Riley's criteria ask
    for: effects that need be shrunk by a tenth at most, a fit that looks too good by 0.05 at most,
    an overall risk within 0.05. The R² that they take is the model's on the test rows, but no less
    than 15 % of the largest possible one, Riley's value where nothing is known. Gives the events
    per coefficient too.
    Why it matters: with few events for many columns a model learns the noise of its rows, and its
    predictions are too extreme for everyone else. Ten events per column are a rule of thumb that
    is too few for weak signals and too many for strong ones.
    When it does not apply: images, regression, more than two classes, no probabilities. It is the
    need of a plain logistic model: trees and networks need more, a strong penalty less.
    How to fix: fewer columns, chosen before looking at the target; more rows; a penalty.
    References: Riley et al. 2019, doi:10.1002/sim.7992; Riley et al. 2020, doi:10.1136/bmj.m441;
    van der Ploeg et al. 2014, doi:10.1186/1471-2288-14-137 (flexible models need more).

    Args:
        min_ratio: least number of training rows per row that is needed.
    """

    min_ratio: float = limit(
        0.5, "above", "with half of Riley's minimum, effects come out too large by a fifth"
    )

    card = Card(
        "sample-size",
        "Rows for the number of columns",
        aliases=("events-per-variable", "epv"),
        paper="doi:10.1002/sim.7992",
    )
    code = "RW-METH-002"
    area = "methodology"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        data = subject.dataset
        if not data.features:
            raise NotAssessed("it counts the columns of a table; the inputs are images")
        if data.task == Task.REGRESSION or len(data.classes) != 2:
            raise NotAssessed("Riley's criteria that it uses are those of two classes")
        require(subject.model, Offer.SCORES)
        return (TEST,)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data = subject.dataset
        rows, counts = len(data.train), data.train.y.bincount(minlength=2)
        if not counts.all():
            raise NotAssessed("the training rows have one class only")
        parameters = coefficients_of(data)
        prevalence = float(counts.min()) / rows
        gained = _gained(data, get(TEST).losses(data.test.y).numpy())
        largest = largest_r_squared(prevalence)

        def r_squared(drawn: np.ndarray) -> float:
            cox_snell = 1 - np.exp(-2 * gained[drawn].mean())
            return float(np.clip(cox_snell, UNKNOWN * largest, largest))

        ratio = bootstrap(
            "training rows per row needed",
            lambda drawn: rows / rows_needed(parameters, prevalence, r_squared(drawn)).rows,
            len(gained),
            seed=subject.seed_for(self),
            clusters=clusters(data, data.test),
        )
        known = r_squared(np.arange(len(gained)))
        needed = rows_needed(parameters, prevalence, known)
        events = count("events per coefficient", float(counts.min()) / parameters, rows)
        return (
            self.finding(
                f"{rows} training rows, {int(counts.min())} of the rarer class, for {parameters} "
                f"coefficients ({events.value:.1f} events each); {needed.rows} rows are needed.",
                estimate=ratio,
                threshold=self.threshold("min_ratio"),
                measures=(events, count("Cox-Snell R² that is taken", known, len(gained))),
                tables=(
                    Table(
                        "Rows needed, by criterion",
                        ("criterion", "rows"),
                        (
                            ("effects shrunk by a tenth at most", needed.effects),
                            ("fit too good by 0.05 at most", needed.fit),
                            ("overall risk within 0.05", needed.risk),
                        ),
                    ),
                ),
                remedies=(
                    Remedy(
                        "Drop columns for reasons known beforehand, collect more rows, or penalize "
                        "the coefficients and report how far predictions are too extreme."
                    ),
                ),
            ),
        )


def coefficients_of(data: Dataset) -> int:
    """Count the coefficients of a linear model of two classes, without the intercept."""
    widths = [max(1, len(feature.categories) - 1) for feature in data.features]
    return sum(widths)


def _gained(data: Dataset, losses: np.ndarray) -> np.ndarray:
    """Give how much likelier the model finds each test row (N,) than the shares of classes do."""
    y = data.test.y.numpy()
    share = np.bincount(y, minlength=2) / len(y)
    if not share.all():
        raise NotAssessed("the test rows have one class only")
    return np.asarray(-np.log(share[y]) - losses)
