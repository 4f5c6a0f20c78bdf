"""BatchBALD against the joint entropy of every combination of labels."""

from itertools import product

import pytest
import torch

from roadworthy.core.query import Pool
from roadworthy.queries import BALD, BatchBALD
from tests.query_pools import waves


def joint_information(members, items):
    """Give what the labels of some items tell of the member, by enumeration: (M, U, K), places."""
    m, _, k = members.shape
    total = 0.0
    for labels in product(range(k), repeat=len(items)):
        chance = torch.ones(m, dtype=torch.float64)
        for item, label in zip(items, labels, strict=True):
            chance = chance * members[:, item, label]
        total += float(torch.special.entr(chance.mean()) - torch.special.entr(chance).mean())
    return total


def greedy(members, n):
    chosen = []
    for _ in range(n):
        gains = [
            joint_information(members, [*chosen, item]) if item not in chosen else -1.0
            for item in range(members.shape[1])
        ]
        chosen.append(max(range(len(gains)), key=gains.__getitem__))
    return chosen


def random_members(seed, members=4, items=9, classes=3):
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(members, items, classes, generator=generator, dtype=torch.float64)
    return logits.softmax(-1)


def pool_of(members):
    x = torch.arange(members.shape[1]).double()[:, None]
    return Pool(x, x[:0], x[:0, 0].long(), members.shape[2], members=members.log())


@pytest.mark.parametrize("seed", range(5))
def test_a_batch_is_that_of_enumerated_joint_information(seed):
    members = random_members(seed)
    assert BatchBALD().pick(pool_of(members), 4).tolist() == greedy(members, 4)


def test_another_library_picks_the_same():
    # scikit-activeml 1.0.1, with 20,000 drawn combinations
    assert BatchBALD().pick(waves(), 4).tolist() == [38, 35, 3, 25]


@pytest.mark.parametrize("seed", range(5))
def test_a_batch_from_drawn_labels_tells_nearly_as_much(seed):
    members = random_members(seed)
    drawn = BatchBALD(outcomes=60).pick(pool_of(members), 5, seed).tolist()
    exact = joint_information(members, greedy(members, 5))
    assert joint_information(members, drawn) > 0.95 * exact


def test_the_first_item_is_that_of_bald():
    pool = pool_of(random_members(9, items=40))
    assert torch.equal(BatchBALD().pick(pool, 1), BALD().pick(pool, 1))


def test_a_question_is_not_asked_twice():
    # members 0, 1 against 2, 3 on three alike items; 0, 2 against 1, 3 a little less on another
    sure, less = [0.95, 0.05], [0.9, 0.1]
    alike = [sure, sure, sure[::-1], sure[::-1]]
    other = [less, less[::-1], less, less[::-1]]
    members = torch.tensor([alike, alike, alike, other], dtype=torch.float64).transpose(0, 1)
    assert 3 not in BALD().pick(pool_of(members), 2).tolist()
    assert int(BatchBALD().pick(pool_of(members), 2)[1]) == 3


def test_many_items_leave_finite_chances():
    pool = pool_of(random_members(1, items=200))
    assert len(BatchBALD(outcomes=50).pick(pool, 200).unique()) == 200
