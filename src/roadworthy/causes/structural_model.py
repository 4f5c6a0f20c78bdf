from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from roadworthy.causes.graph import CausalGraph
from roadworthy.causes.mechanisms import Mechanism, Rows, learn_mechanism
from roadworthy.core.errors import InputError
from roadworthy.core.estimates import Measure, of_few_draws, resample

LEARNERS = ("linear", "curves", "trees")


@dataclass(frozen=True, eq=False)
class StructuralModel:
    """How the variables of a graph come about from each other, learned from rows.

    A number is a function of what acts on it directly plus noise; a category has chances that
    depend on what acts on it; what nothing acts on is drawn from the rows. So it can be said what
    would be if somebody set a variable, and what would have been of one row.

    Believed, and not tested here: the graph; nothing that is not recorded acts on two variables;
    the noise of a number is added and the same whatever acts on it; rows are independent. What is
    set far from all rows is a guess. Source: Pearl 2009, doi:10.1017/CBO9780511803161, sections 3.2
    and 7.1; additive noise: Peters et al. 2014, JMLR 15.

    Args:
        graph: what acts directly on what.
        rows: values (N,) by name that it was learned from.
        mechanisms: how each variable comes about.
    """

    graph: CausalGraph
    rows: Rows
    mechanisms: Mapping[str, Mechanism]

    @classmethod
    def learn(
        cls, graph: CausalGraph, rows: Rows, *, seed: int = 0, learners: tuple[str, ...] = LEARNERS
    ) -> "StructuralModel":
        """Learn each variable from what acts on it, by the learner that errs least on new rows.

        Args:
            graph: names variables that are recorded.
            rows: values (N,) by name; text, and what has two values, are categories.
            seed: deals rows into folds.
            learners: of `linear`, `curves` and `trees`.

        Raises:
            InputError: a variable is not recorded, or a category has too few rows.
        """
        for name in graph.names:
            if name not in rows:
                raise InputError(
                    f"{name!r} of the causal graph is not recorded, and what is not recorded "
                    "cannot be learned"
                )
        causes = {
            name: tuple(one for one in graph.names if one in graph.parents([name]))
            for name in graph.names
        }
        mechanisms = {
            name: learn_mechanism(name, own, rows, learners, seed) for name, own in causes.items()
        }
        return cls(graph, {name: rows[name] for name in graph.names}, mechanisms)

    def simulate(
        self, n: int, do: Mapping[str, Any] | None = None, *, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """Draw rows: values (n,) by name.

        Two draws of one seed have the same noise, so that they differ by what is set.

        Args:
            n: how many.
            do: what some variables are set to: one value each, or one of each row (n,).
            seed: draws the noise.

        Raises:
            InputError: a variable that is set is not in the graph, or has no such category.
        """
        drawn = self._set(do or {}, n)
        for name in self.graph.order:
            if name not in drawn:
                generator = self._stream(name, seed)
                drawn[name] = self.mechanisms[name].draw(drawn, n, generator)
        return drawn

    def effect(
        self,
        treatment: str,
        outcome: str,
        low: Any,
        high: Any,
        *,
        n: int = 5000,
        resamples: int = 100,
        seed: int = 0,
        groups: np.ndarray | None = None,
    ) -> Measure:
        """Estimate how the mean of an outcome changes when a treatment is set from low to high.

        The interval is that of learning from resamples of the rows by the same learners. It does
        not say how wrong the graph may be, nor what a learner cannot fit.

        Args:
            treatment: what is set.
            outcome: a number, or 0 and 1.
            low: what it is set to first.
            high: what it is set to then.
            n: rows simulated.
            resamples: how many times all is learned anew.
            seed: of the draws.
            groups: (N,) rows of one number are drawn together.

        Raises:
            InputError: the outcome has categories that are no numbers; see `simulate`.
        """
        if self.rows[outcome].dtype.kind not in "biuf":
            raise InputError(f"{outcome!r} has categories, and so no mean: give it as 0 and 1")

        def changed(model: StructuralModel) -> float:
            before, after = (
                model.simulate(n, {treatment: value}, seed=seed)[outcome].astype(float).mean()
                for value in (low, high)
            )
            return float(after - before)

        draws = np.array([changed(model) for model in self.relearned(resamples, seed, groups)])
        name = f"effect of {treatment} on {outcome}"
        return of_few_draws(name, changed(self), draws, len(self.rows[outcome]))

    def counterfactual(
        self, row: Mapping[str, Any], do: Mapping[str, Any], *, draws: int = 1000, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """Say what a row would have been, had some of its variables been set: (draws,) by name.

        Abduction, action, prediction (Pearl 2009, theorem 7.1.7): each number keeps the noise that
        the row tells it had. The noise of a category cannot be told from rows: where its causes
        would have been otherwise it is drawn anew from its chances, as though that one choice had
        had nothing to do with the other. Then the draws are one of the distributions that the rows
        allow, else they are all the same.

        Args:
            row: a value of every variable.
            do: what some are set to.
            draws: how many times categories are drawn.
            seed: draws them.

        Raises:
            InputError: the row lacks a variable; see `simulate`.
        """
        for name in self.graph.names:
            if name not in row:
                raise InputError(f"the row has no value of {name!r}, so its noise cannot be told")
        was = self._set({name: row[name] for name in self.graph.names}, draws)
        would = self._set(do, draws)
        for name in self.graph.order:
            if name not in would:
                mechanism, generator = self.mechanisms[name], self._stream(name, seed)
                would[name] = mechanism.instead(was[name], was, would, generator)
        return would

    def relearned(
        self, resamples: int, seed: int = 0, groups: np.ndarray | None = None
    ) -> "Iterator[StructuralModel]":
        """Learn from resamples of the rows, or of whole groups (N,), by the same learners."""
        generator = np.random.default_rng(seed)
        n = len(next(iter(self.rows.values())))
        for _ in range(resamples):
            drawn = resample(generator, n, groups)
            rows = {name: values[drawn] for name, values in self.rows.items()}
            mechanisms = {
                name: own.relearned(rows[name], rows) for name, own in self.mechanisms.items()
            }
            yield replace(self, rows=rows, mechanisms=mechanisms)

    def _set(self, do: Mapping[str, Any], n: int) -> dict[str, np.ndarray]:
        for name, value in do.items():
            if name not in self.rows:
                raise InputError(f"{name!r} is set and is not in the causal graph")
            own, given = self.rows[name], np.asarray(value)
            if (own.dtype.kind in "biuf") != (given.dtype.kind in "biuf"):
                raise InputError(f"{name!r} is set to {value!r}, and its values are {own.dtype}")
            if own.dtype.kind not in "biuf" and not np.isin(given, own).all():
                raise InputError(f"{name!r} is set to {value!r}, a category that no row has")
        return {name: np.broadcast_to(np.asarray(value), n) for name, value in do.items()}

    def _stream(self, name: str, seed: int) -> np.random.Generator:
        """Give each variable noise of its own, whatever is set."""
        return np.random.default_rng([seed, self.graph.names.index(name)])
