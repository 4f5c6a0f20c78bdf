"""What a comparison of trainings on few labels found."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import Measure, crossed_mean, of_draws, proportion
from roadworthy.core.finding import Figure, Series
from roadworthy.core.learning_curves import forecast
from roadworthy.core.yardstick import Yardstick

MORE = 2.0  # times the most labels, of the forecast


@dataclass(frozen=True, eq=False)
class Entry:
    """A contender with one number of labels, over all seeds.

    Args:
        name: the contender.
        labels: how many targets it was given.
        score: by the yardstick of the study.
        gain: how much better it is than the plain recipe with the same labels; None for that one.
        beats: in which share of the seeds it is better.
        worth: how many labels the plain recipe takes for the same score, over those it was given;
            None where its curve does not reach that far.
        seconds: of processor time per training; on a GPU, those that passed.
        joules: of energy per training; None where the machine does not count them, and on a GPU.
    """

    name: str
    labels: int
    score: Measure
    gain: Measure | None
    beats: Measure | None
    worth: float | None
    seconds: float
    joules: float | None

    @property
    def verdict(self) -> str:
        """`better`, `harms` or `unclear`, by the gain's interval; of the plain recipe empty."""
        if self.gain is None:
            return ""
        if self.gain.low > 0:
            return "better"
        return "harms" if self.gain.high < 0 else "unclear"


@dataclass(frozen=True, eq=False)
class Study:
    """What a comparison found; see `roadworthy.compare`.

    One half of the test rows chooses the training to recommend, the other half says how well it
    does: what wins a contest on some rows looks better on them than it is.

    Args:
        data: name of the dataset.
        by: what they are judged by.
        names: the contenders; the first one is the plain recipe.
        labels: numbers of labels, rising.
        chosen: (C, L, S, N) errors on the rows, or groups, that choose.
        told: (C, L, S, M) errors on those that tell.
        seconds: (C, L) mean processor time of a training.
        joules: (C, L) mean energy; NaN where the machine does not count it.
        pool: how many rows with a target the labels were drawn from.
        passes: rows through the network per training.
        left_out: trainings that could not be made, and why.
        units: what the test split is made of: `rows` or `groups`.
    """

    data: str
    by: Yardstick
    names: tuple[str, ...]
    labels: tuple[int, ...]
    chosen: np.ndarray
    told: np.ndarray
    seconds: np.ndarray
    joules: np.ndarray
    pool: int
    passes: int
    left_out: Mapping[str, str] = field(default_factory=dict)
    units: str = "rows"

    @property
    def seeds(self) -> int:
        """How many trainings there are of each contender and number of labels."""
        return int(self.told.shape[2])

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Every contender with every number of labels, on the rows that tell."""
        places = [(c, k) for c in range(len(self.names)) for k in range(len(self.labels))]
        return tuple(self._entry(c, k) for c, k in places)

    def entry(self, name: str, labels: int) -> Entry:
        """Find one of the entries."""
        return next(e for e in self.entries if (e.name, e.labels) == (name, labels))

    def _entry(self, c: int, k: int) -> Entry:
        joules = float(self.joules[c, k])
        return Entry(
            self.names[c],
            self.labels[k],
            crossed_score(self.told[c, k], self.by),
            None if c == 0 else self._gain(self.told, c, k),
            None if c == 0 else self._beats(c, k),
            None if c == 0 else self._worth(c, k),
            float(self.seconds[c, k]),
            None if np.isnan(joules) else joules,
        )

    def _gain(self, errors: np.ndarray, c: int, k: int) -> Measure:
        """Estimate by how much a contender errs less; with as many labels all intervals hold."""
        name, others = "gain over the plain recipe", len(self.names) - 1
        return crossed_mean(name, errors[0, k] - errors[c, k], self.by.unit, comparisons=others)

    def _beats(self, c: int, k: int) -> Measure:
        less = self.told[c, k].mean(1) < self.told[0, k].mean(1)
        return proportion("seeds in which it is better", int(less.sum()), len(less))

    def _worth(self, c: int, k: int) -> float | None:
        """Read on the plain recipe's falling curve how many labels give the contender's error."""
        plain = np.minimum.accumulate(self.told[0].mean((1, 2)))
        own = float(self.told[c, k].mean())
        if not plain[-1] <= own <= plain[0]:
            return None
        labels = np.interp(-own, -plain, np.log(self.labels))
        return float(np.exp(labels)) / self.labels[k]

    @cached_property
    def recommended(self) -> str:
        """The contender to take with the most labels: the plain one unless another surely gains.

        Chosen on rows of its own.
        """
        last = len(self.labels) - 1
        gains = {self.names[c]: self._gain(self.chosen, c, last) for c in range(1, len(self.names))}
        surely = {name: gain.value for name, gain in gains.items() if gain.low > 0}
        return max(surely, key=surely.__getitem__, default=self.names[0])

    @cached_property
    def area(self) -> dict[str, float]:
        """The mean score of each contender over the logarithm of the number of labels."""
        means = self.told.mean((2, 3))
        scores = means if self.by.is_error else 1 - means
        if len(self.labels) == 1:
            return dict(zip(self.names, scores[:, 0].tolist(), strict=True))
        log = np.log(self.labels)
        areas = np.trapezoid(scores, log, axis=1) / (log[-1] - log[0])
        return dict(zip(self.names, areas.tolist(), strict=True))

    def more_labels(self, name: str) -> Measure:
        """Foresee how much less a contender errs with twice the most labels.

        Raises:
            NotAssessed: there are fewer than five numbers of labels, or not enough rows to tell.
        """
        last = self.labels[-1]
        at = np.array([MORE * last, last], dtype=float)
        errors = self.told[self.names.index(name)].transpose(1, 0, 2)
        sizes = np.array(self.labels, dtype=float)
        told = forecast(sizes, errors, at, pool=self.pool, seed=0)
        draws = (told.draws[:, 1] - told.draws[:, 0]).round(6)
        value = float(told.value[1] - told.value[0])
        name, rows = "gain of more labels", errors.shape[2]
        return of_draws(name, value, draws, rows, self.by.unit, "learning curves")

    @cached_property
    def figure(self) -> Figure:
        """The scores by the number of labels."""
        score = self.entries[0].score.name
        series = []
        for name in self.names:
            own = [entry for entry in self.entries if entry.name == name]
            x = tuple(float(entry.labels) for entry in own)
            series.append(Series.of(name, x, [entry.score for entry in own]))
        return Figure(
            kind="line",
            title=f"{score} by number of labels".capitalize(),
            text=self.sentence,
            x_label="labels",
            y_label=score,
            x_scale="log",
            series=tuple(series),
        )

    @cached_property
    def sentence(self) -> str:
        """The answer: what to take, what it gains, and whether to label more."""
        last = self.labels[-1]
        best = self.entry(self.recommended, last)
        if best.gain is None:
            said = (
                f"With {last} labels nothing surely beats plain {best.name}, which comes to "
                f"{self._number(best.score)}"
            )
        else:
            said = (
                f"With {last} labels take {best.name}: {self._number(best.score)}, "
                f"{gain_in_words(best.gain)} against plain {self.names[0]}"
            )
            if best.worth is not None and best.worth > 1:
                said += f", as good as {best.worth:.1f} times the labels"
        return f"{said}. {self._more(best.name)}"

    def _more(self, name: str) -> str:
        try:
            gain = self.more_labels(name)
        except NotAssessed as reason:
            return f"Whether more labels would help was not assessed: {reason}."
        more = round((MORE - 1) * self.labels[-1])
        return f"{more} more labels are foreseen to bring {gain_in_words(gain)}."

    def _number(self, measure: Measure) -> str:
        if self.by is Yardstick.ACCURACY:
            return f"{measure.value:.1%} [{measure.low:.1%}, {measure.high:.1%}]"
        what = "a distance" if self.by.is_error else "a tau"
        return f"{what} of {measure.value:.3f} [{measure.low:.3f}, {measure.high:.3f}]"

    def _repr_html_(self) -> str:
        from roadworthy.render import cell

        return cell(self)


def crossed_score(wrong: np.ndarray, by: Yardstick) -> Measure:
    """Estimate the score of errors (S, N) of S trainings."""
    found = crossed_mean(by.value, wrong if by.is_error else 1 - wrong, by.unit)
    least, most = (-1.0, 1.0) if by is Yardstick.ORDER else (0.0, math.inf)
    return replace(found, low=max(least, found.low), high=min(most, found.high))


def gain_in_words(gain: Measure) -> str:
    """Write a gain with its interval: points of accuracy, more tau, or less distance."""
    if gain.unit == Yardstick.ACCURACY.unit:
        value, low, high = (100 * number for number in (gain.value, gain.low, gain.high))
        return f"{value:+.1f} points [{low:+.1f}, {high:+.1f}]"
    if gain.unit == Yardstick.ORDER.unit:
        return f"{gain.value:+.3f} of tau [{gain.low:+.3f}, {gain.high:+.3f}]"
    return f"{-gain.value:+.3f} of distance [{-gain.high:+.3f}, {-gain.low:+.3f}]"
