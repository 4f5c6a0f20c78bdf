from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from roadworthy.causes.notears import notears
from roadworthy.core.errors import InputError, MissingExtraError

LEVEL = 0.01  # of PC's tests of independence
SMALL = 0.05  # an effect of LiNGAM, in standard deviations, that is none


@dataclass(frozen=True, eq=False)
class EdgeCounts:
    """In how many halves of the rows an edge was found: never one graph alone.

    Args:
        directed: (D, D) `[i, j]`: i acts on j.
        undirected: (D, D) i and j are neighbors, and the method cannot tell which comes first.
        draws: how many halves there were.
    """

    directed: np.ndarray
    undirected: np.ndarray
    draws: int


def discover(rows: np.ndarray, method: str) -> np.ndarray:
    """Find which variables may act directly on which, from rows alone: (D, D) of booleans.

    `[i, j]` says that i may act on j; where `[j, i]` says so too, the direction is not known. All
    methods take relations for linear, common causes for recorded, and rows for independent.

    `pc`: tests of partial correlations (Spirtes, Glymour 1991, doi:10.1177/089443939100900106).
    `ges`: greedy search by BIC (Chickering 2002, JMLR 3). `lingam`: DirectLiNGAM, which tells
    directions where noise is not normal (Shimizu et al. 2011, JMLR 12). These three are
    causal-learn's (Zheng et al. 2024, arXiv:2307.16405). `notears`: see `notears`.

    Args:
        rows: (N, D).
        method: one of them.

    Raises:
        InputError: there is no such method.
        MissingExtraError: causal-learn is not installed.
    """
    if method not in METHODS:
        raise InputError(f"there is no method {method!r}; there are {', '.join(METHODS)}")
    return METHODS[method](rows)


def edge_counts(
    rows: np.ndarray, method: str, draws: int = 50, seed: int = 0, first: tuple[int, ...] = ()
) -> EdgeCounts:
    """Count how often each edge is found in halves of the rows, drawn at random.

    Halves rather than resamples (Meinshausen, Bühlmann 2010, arXiv:0809.2932): a row that stands
    there twice is taken for evidence by tests of independence.

    Args:
        rows: (N, D).
        method: see `discover`.
        draws: how many halves.
        seed: draws them.
        first: variables that are known to be acted on by nothing.
    """
    generator = np.random.default_rng(seed)
    d = rows.shape[1]
    directed, undirected = np.zeros((2, d, d), dtype=int)
    for _ in range(draws):
        half = rows[generator.permutation(len(rows))[: len(rows) // 2]]
        found = led_away(discover(half, method), first)
        directed += found & ~found.T
        undirected += found & found.T
    return EdgeCounts(directed, undirected, draws)


def led_away(found: np.ndarray, first: tuple[int, ...]) -> np.ndarray:
    """Turn edges (D, D) at variables that come first away from them, and what follows from that.

    Until nothing changes: an undirected edge leads on where an arrow meets it whose start is no
    neighbor of its end, and along a path of two arrows (rules 1 and 2 of Meek 1995,
    arXiv:1302.4972; they are sound, and not all that could be known).
    """
    found = found.copy()
    found[list(first), :] |= found[:, list(first)].T
    found[:, list(first)] = False
    while first:
        arrow, open_edge = found & ~found.T, found & found.T
        is_apart = ~(found | found.T) & ~np.eye(len(found), dtype=bool)
        leads_on = (arrow.T.astype(int) @ is_apart) > 0  # [b, c]: some a -> b is apart from c
        along = (arrow.astype(int) @ arrow) > 0
        settled = open_edge & (leads_on | along)
        settled &= ~settled.T  # where both ways would follow, rows contradict themselves
        if not settled.any():
            break
        found &= ~settled.T
    return found


def _pc(rows: np.ndarray) -> np.ndarray:
    try:
        from causallearn.search.ConstraintBased.PC import pc
    except ImportError:
        raise MissingExtraError("causal discovery", "causal") from None
    return _arrows(pc(rows, LEVEL, "fisherz", show_progress=False).G.graph)


def _ges(rows: np.ndarray) -> np.ndarray:
    try:
        from causallearn.search.ScoreBased.GES import ges
    except ImportError:
        raise MissingExtraError("causal discovery", "causal") from None
    return _arrows(ges(rows)["G"].graph)


def _lingam(rows: np.ndarray) -> np.ndarray:
    try:
        from causallearn.search.FCMBased.lingam import DirectLiNGAM
    except ImportError:
        raise MissingExtraError("causal discovery", "causal") from None
    learned = DirectLiNGAM(random_state=0)
    learned.fit((rows - rows.mean(0)) / rows.std(0))
    found: np.ndarray = np.abs(learned.adjacency_matrix_).T > SMALL
    return found


def _notears(rows: np.ndarray) -> np.ndarray:
    found: np.ndarray = notears(rows) != 0
    return found


def _arrows(marks: np.ndarray) -> np.ndarray:
    """Read causal-learn's ends of edges: -1 at i and 1 at j is an arrow from i to j."""
    starts = (marks == -1) & (marks.T != 0)  # [i, j]: the end at i is a tail
    both = (marks == 1) & (marks.T == 1)  # arrows clash: the direction is not known
    found: np.ndarray = starts | both
    return found


METHODS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "pc": _pc,
    "ges": _ges,
    "lingam": _lingam,
    "notears": _notears,
}
