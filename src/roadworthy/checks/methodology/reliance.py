from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.feature_importance import (
    GRID,
    FeatureImportance,
    FeatureImportanceValue,
)
from roadworthy.artifacts.roles import clusters
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import Dataset, Task
from roadworthy.core.estimates import Measure, bootstrap, mean
from roadworthy.core.finding import Figure, Finding, Remedy, Series, Table, Verdict

IMPORTANCE = FeatureImportance(1000)
SHOWN = 12
NAMED = 3  # columns of a group that are named


@dataclass(frozen=True)
class Reliance(Check):
    """What does the model rely on, and should it?

    What it does: gives each test row a part of its input from another row and counts how much more
    often the model is wrong: permutation importance of columns, of groups of correlated columns, of
    patches of an image. Judges whether the model is worse than a guess without one column or patch,
    chosen on one half of the rows and measured on the other (for regression, without the variance
    that a linear model explains by it); for images, whether the rim matters more than the middle,
    pixel for pixel; and for sensitive attributes that are columns, how often another person's value
    alone changes the answer.
    Why it matters: a model that hangs on one column is as good as that column's sensor or form; one
    that looks at the rim of an image may have learned the scanner; one that answers otherwise
    for another sex treats equals unequally.
    When it does not apply: the model cannot be told from a guess. Importance is the model's, not
    the world's: no cause follows from it. A part from another row can make inputs that do not
    occur, so columns that follow from each other are best read as the group. A sensitive attribute
    that is no column can still act through others.
    How to fix: ask whether the part is known, right and meant to count when the model is used;
    leave it out and train again; crop or mask the rim.
    References: Fisher, Rudin and Dominici 2019, arXiv:1801.01489 (model reliance); Strobl et al.
    2008, doi:10.1186/1471-2105-9-307 (correlated columns); DeGrave et al. 2021,
    doi:10.1038/s42256-021-00338-7 (rims of radiographs).

    Args:
        max_excess: largest error above that of a guess with one column or patch of another row.
        max_rim: largest share of the rim in what the model relies on, pixel for pixel.
        max_changed: largest share of answers that a sensitive attribute alone may change.
    """

    max_excess: float = limit(
        0.0, "below", "with one part wrong, a model should still be no worse than a guess"
    )
    max_rim: float = limit(
        0.5, "below", "what is pictured is in the middle: a pixel there should count no less"
    )
    max_changed: float = limit(
        0.02, "below", "no law gives one number; hardly any answer should hang on it alone"
    )

    card = Card("reliance", "What the model relies on", paper="arxiv:1801.01489")
    code = "RW-METH-001"
    area = "methodology"

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        return (IMPORTANCE,)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data, found = subject.dataset, get(IMPORTANCE)
        guess = _guess_errors(data, found)
        gain = _mean(subject, found, "gain over a guess", guess - found.errors.double().numpy())
        names = [feature.name for feature in data.features]
        sensitive = [
            self._judge_sensitive(subject, found, names.index(name))
            for name in data.sensitive_features
            if data.task != Task.REGRESSION
        ]
        if gain.low <= 0:
            return (self._not_told_from_a_guess(), *sensitive)
        findings = [self._judge_parts(subject, found, guess, gain)]
        if data.kind == "image":
            findings.append(self._judge_rim(subject, found))
        return (*findings, *sensitive)

    def _not_told_from_a_guess(self) -> Finding:
        return self.finding(
            "What the model relies on was not assessed; it is not a pass.",
            verdict=Verdict.NOT_ASSESSED,
            scope="parts",
            reason="the model cannot be told from a guess: there is nothing it surely relies on",
        )

    def _judge_parts(
        self, subject: Subject, found: FeatureImportanceValue, guess: np.ndarray, gain: Measure
    ) -> Finding:
        data = subject.dataset
        names = _names(data, found)
        increase, errors = found.increase.double().numpy(), found.errors.double().numpy()
        alone = len(data.features) or len(names) - 2
        # the largest of many estimates is too large: choose on one half, measure on the other
        first, second = np.arange(0, len(errors), 2), np.arange(1, len(errors), 2)
        top = int(increase[:alone, first].mean(1).argmax())
        # a number from another row is off by twice the variance that it explains
        lost = increase[top] / (2 if data.task == Task.REGRESSION else 1)
        above = lost + errors - guess
        groups = clusters(data, data.test.take(found.rows))
        excess = bootstrap(
            f"error above that of a guess without {names[top]}",
            lambda rows: float(above[second[rows]].mean()),
            len(second),
            seed=subject.seed_for(self),
            clusters=None if groups is None else groups[second],
            unit="" if data.task == Task.REGRESSION else "share",
        )
        loss = lost[second].mean() / gain.value
        order = increase.mean(1).argsort(kind="stable")[::-1][:SHOWN]
        measures = [_points(subject, found, k, names[k]) for k in order.tolist()]
        return self.finding(
            f"The model relies most on {names[top]}: with another row's, {loss:.0%} of what it "
            "does better than a guess is lost.",
            scope="parts",
            estimate=excess,
            threshold=self.threshold("max_excess"),
            measures=(gain, *measures),
            figures=(_figure(measures),),
            tables=(_table(measures), *_map(data, found)),
            remedies=(
                Remedy(
                    f"Ask whether {names[top]} is known, right and meant to count when the model "
                    "is used, and what the model should do when it is missing."
                ),
            ),
        )

    def _judge_rim(self, subject: Subject, found: FeatureImportanceValue) -> Finding:
        data = subject.dataset
        area = found.parts[-2:].sum(1).double().numpy()
        density = found.increase[-2:].double().numpy() / area[:, None]  # (rim, middle) per pixel

        def share(rows: np.ndarray) -> float:
            rim, middle = density[:, rows].mean(1).clip(min=0)
            return float(rim / (rim + middle)) if rim + middle > 0 else float("nan")

        estimate = bootstrap(
            "share of the rim in what counts, pixel for pixel",
            share,
            density.shape[1],
            seed=subject.seed_for(self),
            clusters=clusters(data, data.test.take(found.rows)),
            unit="share",
        )
        rim = _points(subject, found, -2, "the rim")
        middle = _points(subject, found, -1, "the middle")
        return self.finding(
            f"The rim of the image with another row's costs {100 * rim.value:.1f} points of "
            f"accuracy, the middle {100 * middle.value:.1f}; pixel for pixel the rim has "
            f"{estimate.value:.0%} of the weight.",
            scope="rim",
            estimate=estimate,
            threshold=self.threshold("max_rim"),
            measures=(rim, middle),
            remedies=(
                Remedy("Look for marks, borders and text at the rim; crop or mask them and train."),
            ),
        )

    def _judge_sensitive(
        self, subject: Subject, found: FeatureImportanceValue, column: int
    ) -> Finding:
        name = subject.dataset.features[column].name
        share = f"answers that change with another row's {name!r}"
        changed = _mean(subject, found, share, found.changed[column].double().numpy())
        return self.finding(
            f"{changed.value:.1%} of the answers change when {name!r}, and nothing else, is "
            "another row's.",
            scope=f"sensitive {name}",
            estimate=changed,
            threshold=self.threshold("max_changed"),
            measures=(_points(subject, found, column, repr(name)),),
            remedies=(
                Remedy(
                    f"Leave {name!r} out and train again, unless its use is lawful and meant; then "
                    "look for columns that stand in for it."
                ),
            ),
        )


def _guess_errors(data: Dataset, found: FeatureImportanceValue) -> np.ndarray:
    """Errors (R,) of always saying the most frequent class, or the mean, of the training rows."""
    y = data.test.y[found.rows].double().numpy()
    if data.task == Task.REGRESSION:
        return np.asarray(np.square(y - float(data.train.y.double().mean())))
    return np.asarray((y != int(data.train.y.bincount().argmax())).astype(float))


def _points(subject: Subject, found: FeatureImportanceValue, part: int, name: str) -> Measure:
    increase = found.increase[part].double().numpy()
    return _mean(subject, found, f"more errors without {name}", increase)


def _mean(
    subject: Subject, found: FeatureImportanceValue, name: str, values: np.ndarray
) -> Measure:
    data = subject.dataset
    return mean(
        name,
        values,
        seed=subject.seed_for(name),
        clusters=clusters(data, data.test.take(found.rows)),
        unit="" if data.task == Task.REGRESSION else "share",
    )


def _names(data: Dataset, found: FeatureImportanceValue) -> list[str]:
    if not data.features:
        patches = len(found.parts) - 2
        places = [f"the patch {k // GRID + 1} down, {k % GRID + 1} across" for k in range(patches)]
        return [*places, "the rim", "the middle"]
    columns = [[data.features[k] for k in part.nonzero()[:, 0].tolist()] for part in found.parts]
    return [_joined([repr(feature.name) for feature in part]) for part in columns]


def _map(data: Dataset, found: FeatureImportanceValue) -> tuple[Table, ...]:
    """Lay the patches of an image out as they lie in it."""
    patches = found.increase[:-2].double().mean(1)
    if data.features or len(patches) != GRID**2:  # tiny images have fewer
        return ()
    title = "More errors with another row's patch, each where it lies in the image"
    across = tuple(f"{k + 1} across" for k in range(GRID))
    rows = [(f"{k + 1} down", *line) for k, line in enumerate(patches.reshape(GRID, GRID).tolist())]
    return (Table(title, ("place", *across), tuple(rows)),)


def _joined(names: list[str]) -> str:
    shown = ", ".join(names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} like them"


def _label(measure: Measure) -> str:
    return measure.name.removeprefix("more errors without ")


def _table(measures: list[Measure]) -> Table:
    return Table(
        "How much larger the error is with another row's part",
        ("part", "more errors", "low", "high"),
        tuple((_label(m), m.value, m.low, m.high) for m in measures),
    )


def _figure(measures: list[Measure]) -> Figure:
    top = measures[0]
    return Figure(
        kind="bar",
        title="What the model relies on",
        text=f"More errors with another row's part, most first: {top.value:.3f} for {_label(top)}.",
        x_label="part of the input",
        y_label="more errors",
        series=(
            Series.of("more errors", tuple(_label(measure) for measure in measures), measures),
        ),
    )
