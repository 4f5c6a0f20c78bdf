"""Euclidean distances between many vectors, a block at a time."""

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK = 512  # rows at a time: a block of distances to 20,000 others takes 40 MB


def blocks(x: Tensor, others: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Go through the squared distances from vectors (N, E) to others (M, E).

    Yields where a block of rows starts, and its distances (B, M), which may be changed in place.
    """
    middle = others.mean(0)  # small numbers lose fewer digits when their squares are subtracted
    x, others = x - middle, others - middle
    ours, theirs = x.square().sum(1), others.square().sum(1)
    for start in range(0, len(x), BLOCK):
        part = slice(start, start + BLOCK)
        found = torch.addmm(theirs[None], x[part], others.T, alpha=-2)
        yield start, found.add_(ours[part, None]).clamp_min_(0)


def nearest(x: Tensor, others: Tensor) -> Tensor:
    """Give the squared distance (N,) from each vector to the nearest of others; inf without any."""
    if not len(others):
        return x.new_full((len(x),), torch.inf)
    return torch.cat([found.amin(1) for _, found in blocks(x, others)])


def from_one(x: Tensor, one: Tensor) -> Tensor:
    """Give the squared distances (N,) of vectors (N, E) from one vector (E,)."""
    return (x - one).square().sum(1)


def count_within(x: Tensor, others: Tensor, radius: float) -> Tensor:
    """Count for each vector how many others lie nearer than a radius: (N,)."""
    counts = x.new_zeros(len(x))
    middle = x.mean(0)
    theirs = [_halved(part) for part in (others - middle).split(BLOCK)]
    # in squares, which stay in the processor's cache
    for part, found in zip((x - middle).split(BLOCK), counts.split(BLOCK), strict=True):
        for other in theirs:
            near = _is_near(_halved(part), other, radius)
            found += near @ near.new_ones(near.shape[1])
    return counts


def count_neighbors(x: Tensor, radius: float) -> Tensor:
    """Count for each vector how many vectors lie nearer than a radius, itself included: (N,)."""
    counts = x.new_zeros(len(x))
    parts = [_halved(part) for part in (x - x.mean(0)).split(BLOCK)]
    found = counts.split(BLOCK)
    for i, part in enumerate(parts):
        for j in range(i, len(parts)):  # each pair of blocks once, for both of them
            near = _is_near(part, parts[j], radius)
            # a product with ones adds up several times faster than a sum of booleans
            found[i].add_(near @ near.new_ones(near.shape[1]))
            if j > i:
                found[j].add_(near.new_ones(near.shape[0]) @ near)
    return counts


def _halved(x: Tensor) -> tuple[Tensor, Tensor]:
    """Give vectors (N, E) with half of their squared lengths (N,)."""
    return x, x.square().sum(1) / 2


def _is_near(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor], radius: float) -> Tensor:
    """Say by 1 and 0 which pairs are nearer than a radius: (N, M).

    |a - b|² < r² is a·b - |b|²/2 > (|a|² - r²)/2: a product and a comparison, and no more.
    """
    products = torch.addmm(-b[1], a[0], b[0].T)
    return torch.gt(products, (a[1] - radius**2 / 2)[:, None], out=products)
