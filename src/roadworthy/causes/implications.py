from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import special

from roadworthy.causes.graph import CausalGraph
from roadworthy.core.estimates import holm


@dataclass(frozen=True)
class Implication:
    """Two variables that a graph says to be independent given others, and what rows say.

    Args:
        one: name of the first.
        other: name of the second.
        given: names of what is held fixed.
        p_value: of the partial correlation being 0, corrected for all implications tested.
    """

    one: str
    other: str
    given: tuple[str, ...]
    p_value: float


def implications(graph: CausalGraph, rows: dict[str, np.ndarray]) -> tuple[Implication, ...]:
    """Test what a graph implies, where all of it is recorded.

    Two variables without an edge are independent given the parents of the one that does not act
    on the other (the pairwise Markov property, Lauritzen et al. 1990, doi:10.1002/net.3230200503).
    Partial correlations by Fisher's transformation, Holm's correction. What is not linear is not
    seen, and a graph that is not contradicted need not be true.

    Args:
        graph: what is believed.
        rows: numbers (N,) by name.
    """
    found = []
    for a, b in combinations(graph.names, 2):
        if (a, b) in graph.edges or (b, a) in graph.edges:
            continue
        first, later = (b, a) if b not in graph.descendants([a]) else (a, b)
        given = tuple(name for name in graph.names if name in graph.parents([later]))
        if {first, later, *given} <= rows.keys():
            parts = rows[first], rows[later], np.array([rows[name] for name in given])
            found.append((first, later, given, partial_correlation_p_value(*parts)))
    corrected = holm(np.array([p for *_, p in found]))
    return tuple(
        Implication(one, other, given, float(p))
        for (one, other, given, _), p in zip(found, corrected, strict=True)
    )


def partial_correlation_p_value(a: np.ndarray, b: np.ndarray, given: np.ndarray) -> float:
    """Give the p-value of a and b (N,) being uncorrelated beside given columns (Q, N)."""
    design = np.vstack([np.ones(len(a)), *given]).T
    left = [y - design @ np.linalg.lstsq(design, y, rcond=None)[0] for y in (a, b)]
    size = np.sqrt(np.square(left[0]).sum() * np.square(left[1]).sum())
    if size <= 1e-9 * len(a):  # one of them is settled by what is given
        return 1.0
    correlation = float(np.clip(left[0] @ left[1] / size, -1 + 1e-12, 1 - 1e-12))
    z = np.arctanh(correlation) * np.sqrt(max(len(a) - len(given) - 3, 1))
    return float(2 * special.ndtr(-abs(z)))
