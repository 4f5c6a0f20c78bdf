"""ProbCover against a greedy cover of the full matrix, and its radius by trying them all."""

import pytest
import torch

from roadworthy.core.errors import InputError
from roadworthy.core.query import Pool
from roadworthy.queries import ProbCover
from roadworthy.queries.distances import count_neighbors, count_within, nearest
from roadworthy.queries.prob_cover import pure_radius
from tests.query_pools import waves


def normal(seed, items, known, width=3):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(items + known, width, generator=generator, dtype=torch.float64)
    return Pool(x[known:], x[:known], torch.zeros(known).long(), 2)


def check_greedy(pool, radius, found):
    """Hold every pick against the most that any item would cover anew."""
    x = pool.embeddings
    is_near = torch.cdist(x, x) < radius
    is_covered = (torch.cdist(x, pool.known) < radius).any(1)
    for pick in found.tolist():
        gains = (is_near & ~is_covered).sum(1)
        assert gains[pick] == gains.max()
        is_covered |= is_near[pick]
        if is_covered.all():
            break


@pytest.mark.parametrize("radius", [0.3, 0.8, 1.5])
@pytest.mark.parametrize("known", [0, 9])
def test_every_pick_covers_most_anew(radius, known):
    pool = normal(int(10 * radius), 600, known)
    check_greedy(pool, radius, ProbCover(radius=radius).pick(pool, 30))


def test_an_item_whose_cover_is_largest_is_picked_first():
    # scikit-activeml 1.0.1 with this radius and three labelled items: 21, which covers 5
    pool = waves()
    x = pool.embeddings
    pool = Pool(x[3:], x[:3], torch.tensor([0, 1, 0]), 2)
    assert int(ProbCover(radius=0.6).pick(pool, 1)) + 3 == 21


@pytest.mark.parametrize("purity", [0.5, 0.9, 0.95, 1.0])
def test_the_radius_is_the_largest_that_is_pure_enough(purity):
    x = normal(1, 80, 0).embeddings
    cluster = (x[:, 0] > 0).long()
    found = pure_radius(x, cluster, purity, torch.Generator().manual_seed(0))
    distances, is_other = torch.cdist(x, x), cluster[:, None] != cluster

    def share_pure(radius):
        return float((~((distances < radius) & is_other).any(1)).double().mean())

    assert share_pure(found - 1e-9) >= purity
    assert share_pure(found + 1e-9) < purity
    larger = distances[distances > found + 1e-9]
    assert all(share_pure(float(radius) + 1e-9) < purity for radius in larger)


def test_a_radius_is_found_whatever_the_scale():
    pool = normal(4, 300, 5)
    scaled = Pool(1000 * pool.embeddings, 1000 * pool.known, pool.known_classes, 2)
    small, large = (
        ProbCover()._radius(each, torch.Generator().manual_seed(0)) for each in (pool, scaled)
    )
    assert large == pytest.approx(1000 * small)


def test_dense_groups_come_before_outliers():
    x = torch.cat(
        [torch.randn(50, 2, generator=torch.Generator().manual_seed(0)) / 9, 9 * torch.eye(2)]
    )
    pool = Pool(x, x[:0], x[:0, 0].long(), 2)
    assert int(ProbCover(radius=1.0).pick(pool, 1)) < 50


def test_a_purity_that_is_no_share_is_refused():
    with pytest.raises(InputError, match=r"not 1\.5"):
        ProbCover(purity=1.5).pick(normal(0, 20, 2), 3)


def test_distances_by_blocks_are_those_of_the_full_matrix():
    x, others = normal(5, 1300, 0).embeddings + 30, normal(6, 700, 0).embeddings + 30
    full = torch.cdist(x, others)
    torch.testing.assert_close(nearest(x, others).sqrt(), full.min(1).values)
    assert torch.equal(count_within(x, others, 1.0).long(), (full < 1).sum(1))
    assert torch.equal(count_neighbors(x, 1.0).long(), (torch.cdist(x, x) < 1).sum(1))
