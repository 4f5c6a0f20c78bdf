"""BADGE against the matrix of gradients that it does without."""

from dataclasses import replace

import pytest
import torch

from roadworthy.core.query import Pool
from roadworthy.queries import BADGE
from tests.query_pools import waves


def explicit(pool, n, generator):
    """Draw by k-means++ from the gradients of the last layer, written out by autograd."""
    k, e = pool.classes, pool.embeddings.shape[1]
    rows = []
    for vector, chance in zip(pool.embeddings.double(), pool.probabilities, strict=True):
        layer = torch.zeros(k, e, dtype=torch.float64, requires_grad=True)
        # logits that are the model's, and move with the layer
        logits = chance.log() + layer @ vector
        loss = torch.nn.functional.cross_entropy(logits[None], chance.argmax()[None])
        rows.append(torch.autograd.grad(loss, layer)[0].flatten())
    gradients = torch.stack(rows)
    chosen = [int(gradients.square().sum(1).argmax())]
    while len(chosen) < n:
        nearest = torch.cdist(gradients, gradients[chosen]).square().min(1).values
        nearest[chosen] = 0
        share = (nearest / nearest.sum()).cumsum(0)
        luck = torch.rand((), generator=generator, dtype=torch.float64)
        chosen.append(int((share <= luck).sum()))
    return chosen


@pytest.mark.parametrize("seed", range(5))
def test_items_are_drawn_as_from_the_explicit_matrix(seed):
    pool = waves()
    found = BADGE().choose(pool, 12, torch.Generator().manual_seed(seed))
    assert found.tolist() == explicit(pool, 12, torch.Generator().manual_seed(seed))


def test_the_first_item_has_the_longest_gradient():
    pool = waves()
    assert int(BADGE().pick(pool, 1)) == explicit(pool, 1, None)[0]


def test_the_second_item_is_drawn_by_squared_distance():
    # gradients of length 3, 1 and 2 in one direction, and what is drawn after the first
    scores = torch.tensor([0.5, 0.5]).log().expand(3, 2)
    x = torch.tensor([[3.0], [1.0], [2.0]])
    pool = Pool(x, x[:0], x[:0, 0].long(), 2, scores)
    seconds = [int(BADGE().pick(pool, 2, seed)[1]) for seed in range(1000)]
    assert seconds.count(0) == 0
    assert abs(seconds.count(1) - 800) < 4.5 * (1000 * 0.8 * 0.2) ** 0.5


def test_without_doubt_any_items_do():
    sure = torch.tensor([0.0, -torch.inf, -torch.inf, -torch.inf]).expand(40, 4)
    assert len(BADGE().pick(replace(waves(), scores=sure), 40).unique()) == 40
