from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from roadworthy.artifacts.roles import clusters
from roadworthy.artifacts.training_dynamics import (
    HARD,
    TrainingDynamics,
    TrainingDynamicsValue,
    recipe_of,
)
from roadworthy.checks.examples import MOST_ROWS, pictures_of, rows_of, values_of
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Dataset, Split, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, bootstrap, proportion
from roadworthy.core.finding import Examples, Figure, Finding, Remedy, Series, Table

MOST_POINTS = 250  # of a region of the map


@dataclass(frozen=True)
class Cartography(Check):
    """Are there training rows that are never learned?

    What it does: trains once more as the model was trained, and asks after each epoch how probable
    the network finds each row's label. The mean over the epochs is the confidence, the standard
    deviation the variability. Rows of high confidence are easy, those in between, or that the
    network changes its mind about, ambiguous, and those whose label it steadily finds improbable
    (confidence below 0.25, variability below 0.2) are hard. Judges the share of hard rows. Such
    labels are often wrong, but a network also doubts right ones: so the interval's lower end is
    what is left when the rows are taken off that would be hard if the network's own doubts were
    right, and mostly the check warns instead of failing.
    Why it matters: easy rows teach little, ambiguous ones most; a hard one is either wrong or of a
    kind that there is too little of.
    When it does not apply: regression, models that were not trained by a recipe of Roadworthy epoch
    by epoch, networks whose answer to their training rows is right after fewer than three in four
    epochs. A network that learns rows by heart learns wrong labels too: the fewer epochs, the
    clearer the map.
    How to fix: look at the hard rows; correct wrong labels; collect more rows like those that are
    right.
    References: Swayamdipta et al. 2020, arXiv:2009.10795.

    Args:
        max_share: largest share of hard rows.
        min_easy: share of easy rows below which the network cannot judge labels.
    """

    max_share: float = limit(
        0.05, "below", "ten well-known test sets have 3.3 % wrong labels (arXiv:2103.14749)"
    )
    min_easy: float = 0.25

    card = Card("cartography", "Rows that are never learned", paper="arxiv:2009.10795")
    code = "RW-DATA-015"
    area = "data"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        if subject.dataset.task == Task.REGRESSION:
            raise NotAssessed("it judges class labels; the target is a number")
        recipe_of(subject.model)
        return (TrainingDynamics(),)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data, dynamics = subject.dataset, get(TrainingDynamics())
        split = data.train.take(dynamics.rows)
        confidence, variability = dynamics.confidence(split.y), dynamics.variability.numpy()
        regions = dynamics.regions(split.y)
        is_hard = regions["hard"]
        easy, ambiguous, _ = (
            proportion(f"{name} rows", int(mask.sum()), len(split))
            for name, mask in regions.items()
        )
        if easy.value < self.min_easy:
            raise NotAssessed(
                f"only {easy.value:.1%} of the training rows become easy in {dynamics.epochs} "
                f"epochs, below {self.min_easy:.0%}: the network cannot judge labels"
            )
        estimate = self._estimate(subject, split, dynamics, is_hard)
        order = np.flatnonzero(is_hard)
        order = order[np.argsort(confidence[order], kind="stable")]
        return (
            self.finding(
                f"{is_hard.sum()} of {len(split)} training rows are not learned in "
                f"{dynamics.epochs} epochs, perhaps as their labels are wrong; {easy.value:.1%} of "
                f"the rows are easy, {ambiguous.value:.1%} ambiguous.",
                estimate=estimate,
                threshold=self.threshold("max_share"),
                measures=(easy, ambiguous),
                figures=(_map(regions, confidence, variability),),
                tables=(_by_class(data, split, is_hard),),
                examples=(_examples(data, split, dynamics, order),) if len(order) else (),
                remedies=(
                    Remedy("Look at the hard rows, worst first, and correct what is wrong."),
                    Remedy("Collect more rows of the kinds that are hard and right."),
                ),
            ),
        )

    def _estimate(
        self, subject: Subject, split: Split, dynamics: TrainingDynamicsValue, is_hard: np.ndarray
    ) -> Measure:
        """Give the share of hard rows, at least as many as the network's doubts do not explain."""
        probabilities = dynamics.probabilities
        by_doubt = (probabilities * (probabilities < HARD)).sum(1).numpy()
        excess = bootstrap(
            "hard rows beyond doubt",
            lambda rows: float((is_hard[rows] - by_doubt[rows]).mean()),
            len(split),
            seed=subject.seed_for(self),
            clusters=clusters(subject.dataset, split),
        )
        share = proportion("hard rows", int(is_hard.sum()), len(split))
        low = min(max(0.0, excess.low), share.value)
        how = "from the bootstrap's lower end beyond the network's doubts to Wilson's upper end"
        return Measure(share.name, share.value, low, share.high, share.n, "share", how)


def _map(regions: dict[str, np.ndarray], confidence: np.ndarray, variability: np.ndarray) -> Figure:
    series = []
    for name, mask in regions.items():
        rows = np.flatnonzero(mask)
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, MOST_POINTS).astype(int))[: len(rows)]]
        if len(rows):
            points = variability[rows].tolist(), confidence[rows].tolist()
            series.append(Series(name, *map(tuple, points)))
    counted = ", ".join(f"{mask.sum()} {name}" for name, mask in regions.items())
    return Figure(
        kind="points",
        title="Map of the training rows",
        text=f"Confidence in the given label against its variability over the epochs: {counted}; "
        f"at most {MOST_POINTS} of each are drawn.",
        x_label="variability",
        y_label="confidence",
        series=tuple(series),
        y_range=(0.0, 1.0),
    )


def _by_class(data: Dataset, split: Split, is_hard: np.ndarray) -> Table:
    y, classes = split.y, len(data.classes)
    hard = y[torch.from_numpy(is_hard)].bincount(minlength=classes).tolist()
    every = y.bincount(minlength=classes).tolist()
    rows = tuple(zip(data.classes, hard, every, strict=True))
    return Table("Hard rows by class", ("class", "hard", "rows"), rows)


def _examples(
    data: Dataset, split: Split, dynamics: TrainingDynamicsValue, order: np.ndarray
) -> Examples:
    shown = order[:MOST_ROWS]
    given = split.y.numpy()[shown]
    said = dynamics.probabilities.argmax(1).numpy()[shown]
    details = tuple(
        f"given {data.classes[a]}, learned as {data.classes[b]}"
        for a, b in zip(given, said, strict=True)
    )
    title = "Training rows that are never learned"
    return Examples(
        title=title,
        rows=rows_of(split, shown),
        details=details,
        pictures=pictures_of(data, split, shown, details),
        table=values_of(data, split, shown, title),
        total=len(order),
    )
