from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

BINNED = 10  # a number of more distinct values is cut at its quartiles
MOST_CROSSED = 5  # attributes: ten pairs
AND = " × "


def crossings(
    columns: Mapping[str, np.ndarray], attributes: Sequence[str]
) -> dict[str, np.ndarray]:
    """Name each row's group (N,) by every attribute, by every pair of them and by all at once.

    Of more than five attributes the first five are crossed. The keys are such as `race × sex`.
    """
    named = {name: named_groups(columns[name]) for name in attributes}
    crossed = list(named)[:MOST_CROSSED]
    pairs = list(combinations(crossed, 2))
    every = [tuple(crossed)] if len(crossed) > 2 else []
    for names in pairs + every:
        whole = named[names[0]]
        for name in names[1:]:
            whole = np.char.add(np.char.add(whole, AND), named[name])
        named[AND.join(names)] = whole
    return named


def pooled(groups: np.ndarray, least: int) -> np.ndarray:
    """Put the groups (N,) of fewer rows than `least` into one."""
    _, place, size = np.unique(groups, return_inverse=True, return_counts=True)
    is_small = size[place] < least
    return np.where(is_small, f"all others (each under {least} rows)", groups)


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
