from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

BINNED = 10  # a number of more distinct values is cut at its quartiles
MOST_CROSSED = 5  # attributes: ten pairs
MOST_GROUPS = 40  # of a crossing: 780 pairs of groups
AND = " × "


@dataclass(frozen=True, eq=False)
class Groups:
    """Which of some groups each row is in.

    Args:
        names: (G,) of the groups.
        number: (N,) the group of each row.
    """

    names: tuple[str, ...]
    number: np.ndarray

    @property
    def sizes(self) -> dict[str, int]:
        """How many rows each group has."""
        rows = np.bincount(self.number, minlength=len(self.names))
        return dict(zip(self.names, rows.tolist(), strict=True))

    def pooled(self, least: int) -> "Groups":
        """Put the groups of fewer rows than `least` into one."""
        rest = f"all others (each under {least} rows)"
        names = np.array([name if n >= least else rest for name, n in self.sizes.items()])
        return groups_of(names[self.number])


def groups_of(names: np.ndarray) -> Groups:
    """Group rows by a text (N,)."""
    found, number = np.unique(names, return_inverse=True)
    return Groups(tuple(found.tolist()), number)


def crossings(
    columns: Mapping[str, np.ndarray], attributes: Sequence[str]
) -> tuple[dict[str, Groups], list[str]]:
    """Group rows by every attribute, by every pair of the first five and by all of these at once.

    Returns:
        The groups, by a name such as `race × sex`, and which crossings were left out and why.
    """
    alone = {name: groups_of(named_groups(columns[name])) for name in attributes}
    crossed = list(alone)[:MOST_CROSSED]
    left_out = []
    if len(alone) > MOST_CROSSED:
        left_out.append(f"only the first {MOST_CROSSED} sensitive attributes are crossed")
    every = [tuple(crossed)] if len(crossed) > 2 else []
    found = dict(alone)
    for names in [*combinations(crossed, 2), *every]:
        groups = _crossed([alone[name] for name in names])
        if len(groups.names) <= MOST_GROUPS:
            found[AND.join(names)] = groups
        else:
            left_out.append(
                f"{AND.join(names)} has {len(groups.names)} groups, too many to compare them all"
            )
    return found, left_out


def _crossed(parts: Sequence[Groups]) -> Groups:
    shape = [len(part.names) for part in parts]
    cells, number = np.unique(
        np.ravel_multi_index([part.number for part in parts], shape), return_inverse=True
    )
    places = zip(*np.unravel_index(cells, shape), strict=True)
    names = (
        AND.join(part.names[k] for part, k in zip(parts, place, strict=True)) for place in places
    )
    return Groups(tuple(names), number)


def named_groups(values: np.ndarray) -> np.ndarray:
    """Name each row's group (N,) by the values of an attribute (N,)."""
    is_number = values.dtype.kind in "iuf"
    missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
    if not is_number or len(np.unique(values[~missing])) <= BINNED:
        names = values.astype(str)
        return np.where(missing, "missing", names)
    edges = np.unique(np.quantile(values[~missing], [0, 0.25, 0.5, 0.75, 1]))
    bins = np.clip(np.searchsorted(edges, values, side="left"), 1, len(edges) - 1)
    starts = ["from ", *["above "] * (len(edges) - 2)]
    ranges = zip(starts, edges[:-1], edges[1:], strict=True)
    labels = np.array([f"{how}{low:g} to {high:g}" for how, low, high in ranges])
    return np.where(missing, "missing", labels[bins - 1])
