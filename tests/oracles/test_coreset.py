"""The farthest-first query against the full matrix of distances, and its bound."""

from dataclasses import replace
from itertools import combinations

import pytest
import torch

from roadworthy.core.query import Pool
from roadworthy.queries import CoreSet
from tests.query_pools import waves


def pool_of(x, known):
    return Pool(x, known, torch.zeros(len(known)).long(), 2)


def normal(seed, items, known, width=3):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(items + known, width, generator=generator, dtype=torch.float64)
    return x[known:], x[:known]


def greedy(x, known, n):
    distances = torch.cdist(x, torch.cat([known, x]))
    chosen, centers = [], list(range(len(known)))
    for _ in range(n):
        chosen.append(int(distances[:, centers].min(1).values.argmax()))
        centers.append(len(known) + chosen[-1])
    return chosen


def radius(x, known, chosen):
    return float(torch.cdist(x, torch.cat([known, x[list(chosen)]])).min(1).values.max())


@pytest.mark.parametrize("seed", range(4))
def test_picks_are_those_of_the_full_matrix(seed):
    x, known = normal(seed, 300, 7)
    assert CoreSet().pick(pool_of(x, known), 20).tolist() == greedy(x, known, 20)


@pytest.mark.parametrize("seed", range(6))
def test_no_item_is_farther_than_twice_the_least_possible(seed):
    x, known = normal(seed, 13, 1, width=2)
    best = min(radius(x, known, chosen) for chosen in combinations(range(13), 3))
    assert radius(x, known, CoreSet().pick(pool_of(x, known), 3).tolist()) <= 2 * best


def test_another_library_picks_the_same():
    # scikit-activeml 1.0.1 with the first three items labelled
    pool = waves()
    known, y = pool.embeddings[:3], torch.tensor([0, 1, 0])
    pool = replace(pool.take(torch.arange(3, 40)), known=known, known_classes=y)
    assert (CoreSet().pick(pool, 8) + 3).tolist() == [36, 3, 34, 20, 28, 18, 30, 32]


def test_the_far_group_is_asked_about_first():
    x, known = normal(3, 50, 5)
    x[17] += 100
    assert CoreSet().pick(pool_of(x, known), 1).tolist() == [17]
