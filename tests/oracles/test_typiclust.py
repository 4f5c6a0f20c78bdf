"""TypiClust where groups are plain to see, and typicality by brute force."""

import pytest
import torch

from roadworthy.core.query import Pool
from roadworthy.queries import Margin, TypiClust, TypiClustMargin
from roadworthy.queries.typiclust import spread

SIZES = (60, 40, 30, 20)


def groups(known=0):
    """Give groups far apart, of falling size; of the first `known` groups one item is labelled."""
    generator = torch.Generator().manual_seed(2)
    middles = 50 * torch.eye(4)
    parts = [
        middle + torch.randn(size, 4, generator=generator)
        for middle, size in zip(middles, SIZES, strict=True)
    ]
    return Pool(torch.cat(parts), middles[:known] + 0.5, torch.arange(known), 4), parts


@pytest.mark.parametrize("neighbors", [1, 5, 20])
def test_spread_is_the_mean_distance_of_the_nearest(neighbors):
    x = torch.randn(1100, 3, generator=torch.Generator().manual_seed(0)).double()
    expected = torch.cdist(x, x).sort(1).values[:, 1 : neighbors + 1].mean(1)
    torch.testing.assert_close(spread(x, neighbors), expected, rtol=1e-5, atol=1e-6)


def test_of_few_vectors_half_are_neighbors():
    x = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
    torch.testing.assert_close(spread(x, 20), torch.tensor([2.0, 1.5, 2.5, 5.0]))
    assert spread(x[:1], 20).tolist() == [0.0]


def test_the_most_typical_item_of_each_group_is_picked_the_largest_group_first():
    pool, parts = groups()
    starts = [0, 60, 100, 130]
    expected = []
    for start, part in zip(starts, parts, strict=True):
        k = min(20, len(part) // 2)
        near = torch.cdist(part, part).sort(1).values[:, 1 : k + 1].mean(1)
        expected.append(start + int(near.argmin()))
    assert TypiClust().pick(pool, 4).tolist() == expected


def test_groups_without_labels_come_first():
    # with 2 labels and 2 to come there are as many clusters as groups
    pool, _ = groups(known=2)
    first, second = TypiClust().pick(pool, 2).tolist()
    assert 100 <= first < 130
    assert 130 <= second < 150


def test_when_groups_run_out_each_gives_its_next():
    pool, _ = groups()
    group = torch.repeat_interleave(torch.arange(4), torch.tensor(SIZES))
    found = group[TypiClust(most=4).pick(pool, 12)].tolist()
    assert found == [0, 1, 2, 3] * 3


def test_a_few_outliers_come_last():
    pool, _ = groups()
    far = torch.tensor([[0.0, 0, 0, 500], [0, 0, 1, 500]])
    pool = Pool(torch.cat([pool.embeddings, far]), pool.known, pool.known_classes, 4)
    assert max(TypiClust().pick(pool, 5).tolist()) < 150
    assert set(TypiClust(most=5).pick(pool, 152)[-2:].tolist()) == {150, 151}


@pytest.mark.parametrize(("until", "same_as"), [(2.0, TypiClust()), (1.0, Margin())])
def test_the_usual_query_is_of_typical_items_until_there_are_labels_enough(until, same_as):
    pool, _ = groups(known=4)
    scores = (pool.embeddings / 20).log_softmax(1)
    pool = Pool(pool.embeddings, pool.known, pool.known_classes, 4, scores)
    expected = same_as.pick(pool, 6, seed=1)
    assert torch.equal(TypiClustMargin(until=until).pick(pool, 6, seed=1), expected)


def test_the_usual_query_needs_no_model_for_the_first_labels():
    pool, _ = groups()
    assert torch.equal(TypiClustMargin().pick(pool, 4), TypiClust().pick(pool, 4))
