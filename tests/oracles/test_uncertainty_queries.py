"""Queries that score each item alone, against cases of known answer and other libraries' picks.

The frozen picks are those of modAL 0.4.2.1 and scikit-activeml 1.0.1 for the same probabilities.
"""

from dataclasses import replace

import pytest
import torch
from scipy.stats import entropy

from roadworthy.core.errors import InputError
from roadworthy.core.query import Pool
from roadworthy.queries import BALD, Entropy, LeastConfidence, Margin, QueryByCommittee, Random
from tests.query_pools import waves


def pool_of_scores(probabilities):
    probabilities = torch.tensor(probabilities)
    x = torch.arange(len(probabilities)).float()[:, None]
    none = torch.zeros(0)
    return Pool(x, none[:, None], none.long(), probabilities.shape[1], probabilities.log())


def pool_of_members(members):
    members = torch.tensor(members)
    pool = pool_of_scores(members.mean(0).tolist())
    return replace(pool, members=members.log())


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (LeastConfidence(), [18, 37, 24, 36, 11, 9]),
        (Margin(), [9, 32, 21, 18, 25, 11]),
        (Entropy(), [18, 37, 24, 36, 11, 27]),
        (BALD(), [38, 35, 3, 34, 13, 16]),
        (QueryByCommittee("consensus-kl"), [38, 35, 3, 34, 13, 16]),
    ],
    ids=lambda part: part.card.name if hasattr(part, "card") else "",
)
def test_other_libraries_pick_the_same(query, expected):
    assert query.pick(waves(), 6).tolist() == expected


def test_each_query_asks_for_its_own_kind_of_doubt():
    between_two, like_all, sure = [0.5, 0.5, 0.0], [0.44, 0.28, 0.28], [0.9, 0.1, 0.0]
    pool = pool_of_scores([sure, between_two, like_all])
    assert Margin().pick(pool, 1).tolist() == [1]
    assert Entropy().pick(pool, 1).tolist() == [2]
    assert LeastConfidence().pick(pool, 1).tolist() == [2]


def test_of_two_classes_all_of_them_pick_the_same():
    share = torch.rand(50, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    pool = pool_of_scores(torch.stack([share, 1 - share], 1).tolist())
    expected = (share - 0.5).abs().argsort()[:9].tolist()
    for query in (Margin(), Entropy(), LeastConfidence()):
        assert query.pick(pool, 9).tolist() == expected


def test_a_committee_is_asked_about_what_it_disagrees_on_not_about_what_nobody_knows():
    nobody_knows = [[0.5, 0.5], [0.5, 0.5]]
    they_disagree = [[0.9, 0.1], [0.1, 0.9]]
    pool = pool_of_members(list(zip(nobody_knows, they_disagree, strict=True)))
    for query in (BALD(), QueryByCommittee(), QueryByCommittee("consensus-kl")):
        assert query.pick(pool, 1).tolist() == [1]


def test_vote_entropy_orders_by_how_evenly_votes_are_split():
    pool = waves()
    votes = pool.members.argmax(-1)
    counts = torch.stack([(votes == k).sum(0) for k in range(4)], 1)
    expected = torch.tensor(entropy(counts.double().numpy(), axis=1))
    found = QueryByCommittee().pick(pool, 40)
    torch.testing.assert_close(expected[found], expected.sort(descending=True).values)


def test_the_seed_decides_among_even_votes():
    even = [[0.9, 0.1], [0.2, 0.8]]
    pool = pool_of_members([[member] * 30 for member in even])
    assert len({int(QueryByCommittee().pick(pool, 1, seed)) for seed in range(10)}) > 4


def test_a_disagreement_that_there_is_not_is_refused():
    with pytest.raises(InputError, match="not 'loud'"):
        QueryByCommittee("loud").pick(waves(), 1)


def test_random_picks_every_item_as_often():
    # copies, too: each of the 10 is due 0.3 of 2000 times
    x = torch.ones(10, 2)
    pool = Pool(torch.cat([x[:5], x[5:] * torch.arange(5)[:, None]]), x[:0], x[:0, 0].long(), 2)
    counts = torch.zeros(10)
    for seed in range(2000):
        counts[Random().pick(pool, 3, seed)] += 1
    assert (counts - 600).abs().max() < 4.5 * (2000 * 0.3 * 0.7) ** 0.5
