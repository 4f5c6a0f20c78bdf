"""Rows of a table that nearly repeat a row of another one."""

import math

import torch
from torch import Tensor

NEIGHBORS = 5
FURTHEST = 0.1  # of the distance to the fifth neighbor; beyond, nobody would call it a copy
CHUNK = 512


def find_near_rows(
    a: Tensor, b: Tensor, expected_false_alarms: float = 0.01
) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs of rows that are far closer than rows in their neighborhood are, but not equal.

    Where rows lie at random with a locally constant density in m dimensions, the distances to the
    first and fifth neighbor have a ratio below ρ with probability of at most 4 ρ^m. The threshold
    is the ρ at which N rows give `expected_false_alarms` pairs; m is estimated from the median
    ratio of the second to the first distance, which is 2^(1/m).
    Source: Facco et al. 2017, doi:10.1038/s41598-017-11873-y (two-nearest-neighbor dimension).

    Args:
        a: (N, D) rows in units of each column's spread.
        b: (M, D) rows they are compared with, M > 5.
        expected_false_alarms: expected number of false pairs in the whole comparison.

    Returns:
        (P,) rows of `a`, (P,) rows of `b` and (P,) 1 − ratio, the clearest pair first.
    """
    a, b = a.double(), b.double()
    center = b.mean(0)
    parts = [nearest(part - center, b - center) for part in a.split(CHUNK)]
    distance, index = (torch.cat(part) for part in zip(*parts, strict=True))
    spread = distance[:, -1].clamp_min(1e-300)
    ratio = distance[:, 0] / spread
    near = (ratio > 0) & (ratio < threshold(distance, a.shape[1], expected_false_alarms))
    rows = near.nonzero()[:, 0]
    rows = rows[ratio[rows].argsort(stable=True)]
    return rows, index[rows, 0], 1 - ratio[rows]


def nearest(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Distances (N, 5) to the nearest rows of `b`, ascending, and their numbers."""
    index = torch.cdist(a, b).topk(NEIGHBORS, largest=False).indices
    distance = (a[:, None] - b[index]).norm(dim=2)  # again, as cdist rounds small distances
    distance, order = distance.sort(1)
    return distance, index.gather(1, order)


def threshold(distance: Tensor, columns: int, expected_false_alarms: float) -> float:
    """The ratio that a pair must fall below, from distances (N, 5)."""
    apart = distance[:, 0] > 0
    if not apart.any():
        return 0.0
    growth = float((distance[apart, 1] / distance[apart, 0]).median())
    dimension = min(columns, math.log(2) / math.log(growth)) if growth > 1 else columns
    chance = expected_false_alarms / (len(distance) * (NEIGHBORS - 1))
    return min(FURTHEST, chance ** (1 / dimension))
