"""What to hold fixed so that a comparison shows an effect."""

from collections.abc import Iterable

from roadworthy.causes.graph import CausalGraph
from roadworthy.core.errors import NotAssessed


def adjustment_set(
    graph: CausalGraph, treatment: str, outcome: str, recorded: Iterable[str]
) -> tuple[str, ...]:
    """Choose recorded variables to adjust for, so that the total effect can be estimated.

    Where all of it is recorded it is the set of the smallest asymptotic variance in linear models
    (Henckel, Perković, Maathuis 2022, arXiv:1907.02435), else all recorded ancestors that may be
    adjusted for, which do whenever anything does (van der Zander, Liśkiewicz, Textor 2014,
    arXiv:1401.8067). The criterion is that of Shpitser et al. 2010, arXiv:1203.3515, which the
    back door of Pearl 1995, doi:10.1093/biomet/82.4.669, is the best-known case of.

    Raises:
        NotAssessed: no recorded set does.
    """
    between = _between(graph, treatment, outcome)
    forbidden = graph.descendants(between) | {treatment}
    known = set(recorded)
    optimal = graph.parents(between) - forbidden
    ancestors = (graph.ancestors([treatment, outcome]) & known) - forbidden
    for chosen in (optimal, ancestors):
        if chosen <= known and is_adjustment(graph, treatment, outcome, chosen):
            return tuple(name for name in graph.names if name in chosen)
    raise NotAssessed(
        f"by the causal graph {treatment!r} and {outcome!r} have common causes that no recorded "
        "columns stand for"
    )


def is_adjustment(graph: CausalGraph, treatment: str, outcome: str, chosen: Iterable[str]) -> bool:
    """Say whether adjusting for these variables leaves the total effect and nothing else."""
    between = _between(graph, treatment, outcome)
    first = [(treatment, name) for name in between]
    held = set(chosen)
    if held & (graph.descendants(between) | {treatment, outcome}):
        return False
    return graph.without(first).is_separated(treatment, outcome, held)


def _between(graph: CausalGraph, treatment: str, outcome: str) -> set[str]:
    """Give what lies on directed paths from treatment to outcome, the outcome with it."""
    own = graph.descendants([treatment]) & graph.ancestors([outcome])
    return own - {treatment}
