from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from roadworthy.core.errors import InputError


@dataclass(frozen=True)
class CausalGraph:
    """What acts directly on what: an acyclic graph.

    Args:
        edges: pairs of names: the first acts on the second.
        alone: names that no edge has.

    Raises:
        InputError: the edges go round in a circle.
    """

    edges: tuple[tuple[str, str], ...]
    alone: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for cause, effect in self.edges:
            if cause == effect or cause in self.descendants([effect]):
                raise InputError(f"the causal graph goes round in a circle through {effect!r}")

    @classmethod
    def parse(cls, text: str) -> "CausalGraph":
        """Read `age -> dose -> outcome; age -> outcome`; a `;` or a new line ends a chain.

        Raises:
            InputError: a name is missing, or the edges go round in a circle.
        """
        edges, alone = [], []
        for chain in filter(str.strip, text.replace("\n", ";").split(";")):
            names = [name.strip() for name in chain.split("->")]
            if not all(names):
                raise InputError(
                    f"the causal graph has an arrow without a name in {chain.strip()!r}: write "
                    "'age -> dose; dose -> outcome'"
                )
            edges += pairwise(names)
            alone += names if len(names) == 1 else []
        return cls(tuple(dict.fromkeys(edges)), tuple(alone))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All variables, in the order in which they are named."""
        named = (name for edge in self.edges for name in edge)
        return tuple(dict.fromkeys((*named, *self.alone)))

    @cached_property
    def order(self) -> tuple[str, ...]:
        """All variables, each after those that act on it."""
        return tuple(sorted(self.names, key=lambda name: len(self.ancestors([name]))))

    def parents(self, names: Iterable[str]) -> set[str]:
        """Give what acts directly on any of them."""
        of = set(names)
        return {cause for cause, effect in self.edges if effect in of}

    def ancestors(self, names: Iterable[str]) -> set[str]:
        """Give the names and all that acts on them, directly or not."""
        return reached(names, [(effect, cause) for cause, effect in self.edges])

    def descendants(self, names: Iterable[str]) -> set[str]:
        """Give the names and all that they act on, directly or not."""
        return reached(names, self.edges)

    def without(self, edges: Iterable[tuple[str, str]]) -> "CausalGraph":
        """Take edges out, and keep all names."""
        gone = set(edges)
        return CausalGraph(tuple(edge for edge in self.edges if edge not in gone), self.names)

    def is_separated(self, a: str, b: str, given: Iterable[str] = ()) -> bool:
        """Say whether the graph makes a and b independent given other variables (d-separation).

        They are where no path of the moral graph of the ancestors goes around what is given
        (Lauritzen et al. 1990, doi:10.1002/net.3230200503).
        """
        known = set(given)
        own = self.ancestors({a, b, *known})
        edges = [(cause, effect) for cause, effect in self.edges if {cause, effect} <= own]
        married = [
            (one, other)
            for child in own
            for one in self.parents([child])
            for other in self.parents([child])
        ]
        open_edges = [
            pair
            for one, other in (*edges, *married)
            if not {one, other} & known
            for pair in ((one, other), (other, one))
        ]
        return b not in reached([a], open_edges)


def reached(start: Iterable[str], edges: Iterable[tuple[str, str]]) -> set[str]:
    """Give the names, and all that edges lead to from them."""
    following: dict[str, list[str]] = {}
    for one, other in edges:
        following.setdefault(one, []).append(other)
    found, waiting = set(), list(start)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += following.get(name, [])
    return found
