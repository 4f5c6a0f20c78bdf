"""JSMA against all pairs of features, tried one by one."""

from itertools import combinations

import pytest
import torch

from roadworthy.attacks import JSMA
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import Network, draw
from tests.models import LinearModel


def saliency_of_pairs(model, x, target, theta):
    """Give the paper's saliency, with softmax probabilities, of every pair and direction."""
    (jacobian,) = torch.autograd.functional.jacobian(
        lambda row: model.forward(row[None]).softmax(1)[0], (x,)
    )
    favor, rest = jacobian[target], jacobian.sum(0) - jacobian[target]
    found = {}
    for p, q in combinations(range(len(x)), 2):
        a, b = favor[p] + favor[q], rest[p] + rest[q]
        found[p, q] = float(-a * b) if a > 0 and b < 0 else 0.0
    return found


def test_the_first_pair_has_the_largest_saliency_of_all():
    weight, bias = draw(9, 4, seed=1), draw(4, seed=2)
    model, x = LinearModel(weight, bias, (9,)), torch.full((9,), 0.0)
    logits = model.forward(x[None])[0]
    y, target = int(logits.argmax()), int(logits.argmin())
    found = saliency_of_pairs(model, x, target, 1.0)
    # all features are at their lowest, so they can only go up, as in the paper
    seen = []

    class Watched(LinearModel):
        def forward(self, x):
            seen.append(x.detach())
            return super().forward(x)

    run_attack(
        JSMA(steps=1, theta=0.5), Watched(weight, bias, (9,)), x[None], torch.tensor([y]),
        Ball("l0", 1.0), target=torch.tensor([target]),
    )  # fmt: skip
    moved = tuple((seen[1][0] != x).nonzero()[:, 0].tolist())
    best = max(found, key=found.get)
    assert moved == best or len(moved) == 1  # a second feature that does not help is left alone
    assert set(moved) <= set(best)


@pytest.mark.parametrize("n", [1, 5])
def test_it_reaches_its_target_by_few_features(n):
    model, x = Network(), draw(n, 3, 8, 8, seed=4).sigmoid()
    with torch.no_grad():
        y = model.forward(x).argmax(1)
    target = (y + 1) % 4
    result = run_attack(JSMA(), model, x, y, Ball("l0", 1.0), target=target)
    assert result.success.all()
    changed = (result.x != x).flatten(1).sum(1)
    assert torch.equal(changed.float(), result.distance)
    assert (changed <= 40).all()


def test_it_ends_where_no_feature_helps():
    # the target's logit does not depend on the input, and every feature is at its best for it
    model = LinearModel(torch.tensor([[1.0, 0.0]]), torch.tensor([5.0, 0.0]), (1,))
    result = JSMA()(model, torch.zeros(1, 1), torch.tensor([0]), Ball("l0", 1.0))
    assert not result.success.any()
    assert result.backward[0] <= 2
