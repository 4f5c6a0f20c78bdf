from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.artifacts.learning_curve import LearningCurve, LearningCurveValue
from roadworthy.artifacts.roles import clusters
from roadworthy.checks.retraining import may_retrain
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, of_draws, resampled_means
from roadworthy.core.finding import Alarm, Figure, Finding, Remedy, Series, Table
from roadworthy.core.learning_curves import FAMILIES, Forecast, forecast
from roadworthy.core.model import Offer, require

CURVE = LearningCurve()
FACTORS = (1.5, 2.0, 4.0)  # further on, curves that fit alike tell different stories
POINTS = 40  # more than a chart marks one by one


@dataclass(frozen=True)
class CollectMore(Check):
    """Would more training rows make the model better?

    What it does: trains the model afresh on nested parts of the training split, from a sixteenth of
    the rows to all of them, and measures its error on the test split. Four families of curves (a
    power law with a floor, an exponential, a shifted inverse, a logarithm) are fitted and read
    beyond the rows at hand. The judged number is how much the error falls with twice the rows, on
    the average over trainings. Its interval holds what other test rows, other draws and another
    family would say. The curve is also fitted without its last point and must foresee it; where it
    does not, an alarm says so.
    Why it matters: more labels cost the same whether they help or not. Where the curve is flat,
    another model, better inputs or cleaner labels help instead.
    When it does not apply: the model cannot be trained again from here, or there are too few rows.
    The new rows are taken to come from where the old ones do. Settings stay as they are: a larger
    model may gain more. The more rows are foreseen at once, the less a curve knows.
    How to fix: collect more rows in a few rounds, and look at the curve again after each.
    References: Viering and Loog 2023, arXiv:2103.10948 (families, and how curves misbehave);
    Mahmood et al. 2022, arXiv:2207.01725 (several families, rounds); Burnham and Anderson 2002,
    doi:10.1007/b97636 (weights of families).

    Args:
        max_gain: largest fall of the error with twice the rows, as a share of rows (for regression,
            of the variance), that may be left lying.
    """

    max_gain: float = limit(
        0.03, "below", "no standard sets one: what twice the labels would have to bring to be paid"
    )

    card = Card("collect-more", "What more rows would bring", paper="arxiv:2207.01725")
    code = "RW-PERF-003"
    area = "performance"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        require(subject.model, Offer.REFIT)
        may_retrain(subject)
        return (CURVE,)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data, curve = subject.dataset, get(CURVE)
        sizes, rows = curve.sizes.numpy(), len(data.train)
        at = np.concatenate([np.array(FACTORS), [1.0], np.geomspace(sizes[0] / rows, 4, POINTS)])
        told = self._forecast(subject, curve, at * rows)
        now = len(FACTORS)
        foreseen = [_error(told, place, at[place], len(data.test)) for place in range(now + 1)]
        gains = [_gain(told, place, now, at[place], len(data.test)) for place in range(now)]
        gain, later = gains[FACTORS.index(2.0)], foreseen[FACTORS.index(2.0)]
        measured = _measured(subject, curve)
        of = "variance is unexplained" if data.task == Task.REGRESSION else "test rows are wrong"
        claim = (
            f"Twice the {rows} training rows would gain about {100 * gain.value:.1f} points "
            f"[{100 * gain.low:.1f}, {100 * gain.high:.1f}]: now {measured[-1].value:.1%} of the "
            f"{of}, then some {later.value:.1%}."
        )
        return (
            self.finding(
                claim,
                estimate=gain,
                threshold=self.threshold("max_gain"),
                measures=(measured[-1], later),
                figures=(_figure(sizes, measured, told, at * rows),),
                tables=(_table(rows, foreseen, gains), _families(told)),
                remedies=(_remedy(gain, self.max_gain, rows),),
                alarms=self._alarms(subject, curve, measured[-1]),
            ),
        )

    def _forecast(self, subject: Subject, curve: LearningCurveValue, at: np.ndarray) -> Forecast:
        data = subject.dataset
        return forecast(
            curve.sizes.numpy(),
            curve.errors.double().numpy(),
            at,
            pool=len(data.train),
            seed=subject.seed_for(self),
            clusters=clusters(data, data.test),
        )

    def _alarms(
        self, subject: Subject, curve: LearningCurveValue, last: Measure
    ) -> tuple[Alarm, ...]:
        """Foresee the last point of the curve from those before it."""
        before = LearningCurveValue(curve.sizes[:-1], curve.errors[:, :-1])
        rows = int(curve.sizes[-1])
        try:
            told = self._forecast(subject, before, np.array([float(rows)]))
        except NotAssessed:
            return ()
        said = of_draws("error foreseen", float(told.value[0]), told.draws[:, 0], last.n)
        if said.low <= last.value <= said.high:
            return ()
        text = (
            f"From smaller parts the curve would have foreseen an error of {said.low:.1%} to "
            f"{said.high:.1%} at {rows} rows, where it is {last.value:.1%}: it does not bend as "
            "curves of these families do, so trust it less beyond."
        )
        return (Alarm("curve-misses-its-last-point", text),)


def _error(told: Forecast, place: int, factor: float, n: int) -> Measure:
    name = f"error with {factor:g} times the rows"
    draws, how = told.draws[:, place], "learning curves"
    return of_draws(name, float(told.value[place]), draws, n, "share", how)


def _gain(told: Forecast, place: int, now: int, factor: float, n: int) -> Measure:
    name = f"gain with {factor:g} times the rows"
    value = float(told.value[now] - told.value[place])
    draws = (told.draws[:, now] - told.draws[:, place]).round(6)  # a flat curve gains nothing
    return of_draws(name, value, draws, n, "share", "learning curves")


def _measured(subject: Subject, curve: LearningCurveValue) -> list[Measure]:
    data = subject.dataset
    errors = curve.errors.double().mean(0).numpy()
    seed = subject.seed_for(curve.sizes.tolist())
    draws = resampled_means(errors, seed=seed, clusters=clusters(data, data.test))
    return [
        of_draws(
            f"error with {size} rows", float(row.mean()), drawn, len(row), "share", "bootstrap"
        )
        for size, row, drawn in zip(curve.sizes.tolist(), errors, draws.T, strict=True)
    ]


def _remedy(gain: Measure, most: float, rows: int) -> Remedy:
    if gain.high <= most:
        return Remedy("Rather than more of the same rows, try better inputs or another model.")
    return Remedy(
        f"Collect training rows in a few rounds, of {max(1, rows // 4)} or so, and look at the "
        "curve again after each."
    )


def _table(rows: int, foreseen: list[Measure], gains: list[Measure]) -> Table:
    return Table(
        "What more training rows are foreseen to bring",
        ("training rows", "more", "error", "gain", "gain, low", "gain, high"),
        tuple(
            (round(factor * rows), round((factor - 1) * rows), e.value, g.value, g.low, g.high)
            for factor, e, g in zip(FACTORS, foreseen, gains, strict=False)
        ),
    )


def _families(told: Forecast) -> Table:
    return Table(
        "Families of curves, by how well they fit",
        ("family", "weight"),
        tuple((f.name, w) for f, w in zip(FAMILIES, told.weights.tolist(), strict=True)),
    )


def _figure(sizes: np.ndarray, measured: list[Measure], told: Forecast, at: np.ndarray) -> Figure:
    line = slice(len(FACTORS) + 1, None)
    low, high = np.quantile(told.draws[:, line], [0.025, 0.975], axis=0)
    value = told.value[line]
    return Figure(
        kind="line",
        title="Error by number of training rows",
        text=f"The error falls from {measured[0].value:.1%} with {sizes[0]} training rows to "
        f"{measured[-1].value:.1%} with {sizes[-1]}; {value[-1]:.1%} are foreseen with four times "
        "as many.",
        x_label="training rows",
        y_label="error",
        x_scale="log",
        series=(
            Series.of("measured", tuple(sizes.astype(float).tolist()), measured),
            Series(
                "fitted and foreseen",
                tuple(at[line].tolist()),
                tuple(value.tolist()),
                tuple(np.minimum(low, value).tolist()),
                tuple(np.maximum(high, value).tolist()),
            ),
        ),
        marks=((float(sizes[-1]), "rows at hand"),),
    )
