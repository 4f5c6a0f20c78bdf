"""How one variable comes about from those that act on it, as far as rows tell."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from roadworthy.causes.nuisances import classifier, deal, expectations, regressor
from roadworthy.core.errors import InputError

FOLDS = 5
FEWEST = 2 * FOLDS  # rows of a category, so that each fold has some

Rows = Mapping[str, np.ndarray]  # values (N,) by name


@dataclass(frozen=True, eq=False)
class Column:
    """How a variable is given to a learner: standardized, or 0 and 1 by category.

    Args:
        name: of the variable.
        levels: (K,) its categories; none for a number.
        center: mean of a number.
        scale: standard deviation of a number.
    """

    name: str
    levels: np.ndarray
    center: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, name: str, values: np.ndarray) -> "Column":
        """Look at values (N,): text and what has two values are categories."""
        levels = np.unique(values)
        if values.dtype.kind not in "iuf" or len(levels) <= 2:
            return cls(name, levels)
        return cls(name, levels[:0], float(values.mean()), float(values.std()))

    def encoded(self, rows: Rows) -> np.ndarray:
        """Give numbers (N, W) for a learner."""
        values = rows[self.name]
        if len(self.levels):
            found: np.ndarray = (values[:, None] == self.levels[1:]).astype(float)
            return found
        return ((values - self.center) / self.scale)[:, None]


@dataclass(frozen=True, eq=False)
class Drawn:
    """Nothing acts on it: its values are drawn from the rows.

    Args:
        values: (N,) of the rows.
    """

    values: np.ndarray

    def draw(self, rows: Rows, n: int, generator: np.random.Generator) -> np.ndarray:
        """Draw values (n,)."""
        drawn: np.ndarray = self.values[generator.integers(len(self.values), size=n)]
        return drawn

    def instead(
        self, own: np.ndarray, was: Rows, would: Rows, generator: np.random.Generator
    ) -> np.ndarray:
        """Say what its values (N,) had been, had others been so: the same."""
        return own

    def relearned(self, values: np.ndarray, rows: Rows) -> "Drawn":
        """Take other rows."""
        return Drawn(values)


@dataclass(frozen=True, eq=False)
class Added:
    """A number: learned from what acts on it, plus noise that does not depend on that.

    Args:
        causes: what acts on it.
        learner: `linear`, `curves` or `trees`.
        learned: predicts it.
        noise: (N,) what was left of rows that it was not learned from.
    """

    causes: tuple[Column, ...]
    learner: str
    learned: Any
    noise: np.ndarray

    def expected(self, rows: Rows) -> np.ndarray:
        """Give what is learned of each row: (N,)."""
        said: np.ndarray = self.learned.predict(design(self.causes, rows))
        return said

    def draw(self, rows: Rows, n: int, generator: np.random.Generator) -> np.ndarray:
        """Draw values (n,) of rows."""
        drawn: np.ndarray = self.noise[generator.integers(len(self.noise), size=n)]
        return self.expected(rows) + drawn

    def instead(
        self, own: np.ndarray, was: Rows, would: Rows, generator: np.random.Generator
    ) -> np.ndarray:
        """Say what its values (N,) had been, had others been so: each keeps its noise."""
        return own + self.expected(would) - self.expected(was)

    def relearned(self, values: np.ndarray, rows: Rows) -> "Added":
        """Learn from other rows in the same way; the noise stays."""
        learned = regressor(self.learner).fit(design(self.causes, rows), values)
        return replace(self, learned=learned)


@dataclass(frozen=True, eq=False)
class Chosen:
    """A category: its chances are learned from what acts on it.

    Args:
        causes: what acts on it.
        learner: `linear`, `curves` or `trees`.
        learned: gives chances of the categories.
        levels: (K,) the categories.
    """

    causes: tuple[Column, ...]
    learner: str
    learned: Any
    levels: np.ndarray

    def chances(self, rows: Rows) -> np.ndarray:
        """Give the chance of each category of each row: (N, K)."""
        said = self.learned.predict_proba(design(self.causes, rows))
        found = np.zeros((len(said), len(self.levels)))
        found[:, np.searchsorted(self.levels, self.learned.classes_)] = said
        return found

    def draw(self, rows: Rows, n: int, generator: np.random.Generator) -> np.ndarray:
        """Draw values (n,) of rows by inverse transform sampling."""
        above = self.chances(rows).cumsum(1) < generator.random(n)[:, None]
        drawn: np.ndarray = self.levels[above.sum(1).clip(max=len(self.levels) - 1)]
        return drawn

    def instead(
        self, own: np.ndarray, was: Rows, would: Rows, generator: np.random.Generator
    ) -> np.ndarray:
        """Draw anew where causes are otherwise: what chose a category is not known."""
        is_moved = (design(self.causes, would) != design(self.causes, was)).any(1)
        return np.where(is_moved, self.draw(would, len(own), generator), own)

    def relearned(self, values: np.ndarray, rows: Rows) -> "Chosen":
        """Learn from other rows in the same way."""
        return replace(
            self, learned=classifier(self.learner).fit(design(self.causes, rows), values)
        )


Mechanism = Drawn | Added | Chosen


def learn_mechanism(
    name: str, causes: tuple[str, ...], rows: Rows, learners: tuple[str, ...], seed: int
) -> Mechanism:
    """Learn how a variable comes about, by the learner that errs least on rows left out.

    Raises:
        InputError: a category has fewer than 10 rows.
    """
    values, own = rows[name], Column.of(name, rows[name])
    columns = tuple(Column.of(cause, rows[cause]) for cause in causes)
    if not columns:
        return Drawn(values)
    x = design(columns, rows)
    if len(own.levels) == 0:
        fold = deal(len(values), FOLDS, seed)
        left = {one: values - expectations(x, values, fold, (one,)) for one in learners}
        best = min(left, key=lambda one: float(np.square(left[one]).mean()))
        noise = left[best] - left[best].mean()
        return Added(columns, best, regressor(best).fit(x, values), noise)
    times = np.unique(values, return_counts=True)[1]
    if times.min() < FEWEST:
        rare = str(own.levels[times.argmin()])
        raise InputError(f"{rare!r} of {name!r} has fewer than {FEWEST} rows to learn from")
    best = learners[0] if len(learners) == 1 else _surest(x, values, learners, seed)
    return Chosen(columns, best, classifier(best).fit(x, values), own.levels)


def _surest(x: np.ndarray, values: np.ndarray, learners: tuple[str, ...], seed: int) -> str:
    from sklearn.model_selection import StratifiedKFold, cross_val_score  # slow to import

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed % 2**32)
    return max(
        learners,
        key=lambda one: cross_val_score(
            classifier(one), x, values, cv=folds, scoring="neg_log_loss"
        ).mean(),
    )


def design(columns: tuple[Column, ...], rows: Rows) -> np.ndarray:
    """Put what is given to a learner side by side: (N, W); a column of 0 where it is nothing."""
    blocks = [column.encoded(rows) for column in columns]
    found = np.hstack(blocks)
    return found if found.shape[1] else np.zeros((len(found), 1))
