"""What a target would be in rows where one variable is set, by a structural model."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from roadworthy.causes.graph import CausalGraph
from roadworthy.causes.implications import partial_correlation_p_value
from roadworthy.causes.mechanisms import Column, Rows
from roadworthy.causes.refutations import Refutation, refuted
from roadworthy.causes.structural_model import LEARNERS, StructuralModel
from roadworthy.core.estimates import holm

DRAWS = 10  # of each row
RESAMPLES = 50
NOISE = "\n"  # no column is called so


@dataclass(frozen=True)
class Question:
    """What would the target be, were the treatment set and all that it does not act on as it is?

    The rows' distribution given what stays is the product of the mechanisms of what does not
    (truncated factorization: Pearl 2009, doi:10.1017/CBO9780511803161, section 3.2).

    Args:
        graph: what acts on what.
        treatment: what is set.
        target: what is asked for.
    """

    graph: CausalGraph
    treatment: str
    target: str

    @property
    def drawn(self) -> set[str]:
        """What has to be drawn: the target, and what lies between."""
        after = self.graph.descendants([self.treatment, self.target]) - {self.treatment}
        return after & self.graph.ancestors([self.target])

    @property
    def held(self) -> tuple[str, ...]:
        """What that comes from: it stays as it was, or was set."""
        kept = self.graph.parents(self.drawn) - self.drawn
        return tuple(name for name in self.graph.names if name in kept)

    def learn(
        self, rows: Rows, *, seed: int, learners: tuple[str, ...] = LEARNERS
    ) -> StructuralModel:
        """Learn what has to be drawn; `StructuralModel.learn` says what may be wrong."""
        edges = tuple(edge for edge in self.graph.edges if edge[1] in self.drawn)
        graph = CausalGraph(edges, (*self.held, self.target))
        return StructuralModel.learn(graph, rows, seed=seed, learners=learners)

    def forecast(self, model: StructuralModel, rows: Rows, seed: int) -> np.ndarray:
        """Give the mean of the target (N,) that is drawn ten times for each row."""
        do = {name: np.tile(rows[name], DRAWS) for name in self.held}
        n = DRAWS * len(rows[self.target])
        drawn = model.simulate(n, do, seed=seed)[self.target].astype(float)
        said: np.ndarray = drawn.reshape(DRAWS, -1).mean(0)
        return said

    def effect(self, model: StructuralModel, rows: Rows, low: Any, high: Any, seed: int) -> float:
        """Give how the target's mean in rows changes when the treatment is set from low to high."""
        n = len(rows[self.target])
        ends = ({**rows, self.treatment: np.full(n, value)} for value in (low, high))
        before, after = (self.forecast(model, end, seed).mean() for end in ends)
        return float(after - before)

    def tied(self, rows: Rows) -> dict[str, float]:
        """Give p-values of what stays being the same whatever was set, corrected for their number.

        The graph says that the treatment does not act on it. Where they are tied in rows in which
        the treatment was set, the graph is wrong, or what was set was chosen by it.
        """
        names = [name for name in self.held if name != self.treatment]
        pairs = [
            (name, one, other)
            for name in names
            for one in Column.of(name, rows[name]).encoded(rows).T
            for other in Column.of(self.treatment, rows[self.treatment]).encoded(rows).T
        ]
        nothing = np.empty((0, len(rows[self.target])))
        p_values = holm(np.array([partial_correlation_p_value(*own, nothing) for _, *own in pairs]))
        found = dict.fromkeys(names, 1.0)
        for (name, *_), p in zip(pairs, p_values, strict=True):
            found[name] = min(found[name], float(p))
        return found

    def refutations(
        self, rows: Rows, *, seed: int = 0, groups: np.ndarray | None = None
    ) -> Iterator[Refutation]:
        """Estimate the effect of the treatment anew where the answer is known; see `refuted`.

        By straight lines: they show whether the answer moves, and are much faster. There is nothing
        to refute where the graph has no effect, or the treatment does not vary.
        """
        treatment = rows[self.treatment]
        if self.treatment not in self.held or len(np.unique(treatment)) < 2:
            return
        ends = ends_of(treatment)
        model = self.learn(rows, seed=seed, learners=("linear",))
        others = model.relearned(RESAMPLES, seed, groups)
        spread = float(np.std([self.effect(other, rows, *ends, seed) for other in others]))

        def again(
            kept: np.ndarray, dealt: np.ndarray, noise: np.ndarray | None
        ) -> tuple[float, float]:
            own = {name: values[kept] for name, values in rows.items()}
            own[self.treatment] = treatment[dealt]
            asked = self
            if noise is not None:
                own[NOISE] = noise
                edges = (*self.graph.edges, (NOISE, self.treatment), (NOISE, self.target))
                asked = replace(self, graph=replace(self.graph, edges=edges))
            learned = asked.learn(own, seed=seed, learners=("linear",))
            return asked.effect(learned, own, *ends, seed), spread

        yield from refuted(again, len(treatment), seed=seed)


def ends_of(treatment: np.ndarray) -> tuple[Any, Any]:
    """Give two values between which an effect is told: a standard deviation, or two categories."""
    values, times = np.unique(treatment, return_counts=True)
    if treatment.dtype.kind == "f" and len(values) > 2:
        half = treatment.std() / 2
        return treatment.mean() - half, treatment.mean() + half
    low, high = np.sort(times.argsort()[-2:])
    return values[low], values[high]
