"""Manipulation of deep features against the exact optimum on linear features."""

import torch
from scipy.optimize import lsq_linear

from roadworthy.attacks import AMD, ATTACKS
from roadworthy.core.driver import run_attack
from roadworthy.core.model import Offer
from roadworthy.core.threat import Ball
from tests.attack_subjects import Network, draw, pool, subject
from tests.models import LinearModel

EPS = 0.2


class Features(LinearModel):
    """Never changes its mind, has linear features, and remembers the last inputs it was asked."""

    def __init__(self, matrix):
        d = len(matrix)
        super().__init__(torch.zeros(d, 2), torch.tensor([1.0, 0.0]), (d,))
        self.spec = type(self.spec)(**vars(self.spec) | {"offers": OFFERS})
        self.matrix = matrix

    def forward(self, x):
        self.last = x.detach()
        return super().forward(x)

    def features(self, x):
        return x @ self.matrix


OFFERS = frozenset(Offer)


def end_of(matrix, x, guide):
    model = Features(matrix)
    guides = guide, torch.ones(len(guide)).long()
    run_attack(AMD(), model, x, torch.zeros(len(x)).long(), Ball("linf", EPS), pool=guides)
    return model.last


def test_features_that_are_the_input_end_at_the_nearest_point_of_the_box():
    x, guide = draw(4, 10, seed=1).sigmoid(), draw(1, 10, seed=2).sigmoid()
    end = end_of(torch.eye(10), x, guide)
    assert torch.allclose(end, x + (guide - x).clamp(-EPS, EPS), atol=0.005 * EPS)


def test_linear_features_come_as_near_as_bounded_least_squares():
    matrix = draw(12, 5, seed=3)
    x, guide = draw(4, 12, seed=4).sigmoid(), draw(1, 12, seed=5).sigmoid()
    end = end_of(matrix, x, guide)
    for row in range(4):
        low, high = (x[row] - EPS).clamp_min(0), (x[row] + EPS).clamp_max(1)
        best = lsq_linear(matrix.T.numpy(), (guide[0] @ matrix).numpy(), (low, high), method="bvls")
        reached = (end[row] @ matrix - guide[0] @ matrix).norm()
        before = (x[row] @ matrix - guide[0] @ matrix).norm()
        optimum = (2 * best.cost) ** 0.5
        # within 2 % of the way there
        assert reached - optimum <= 0.02 * (before - optimum)


def test_the_network_gives_the_guides_class():
    model, x, y = subject(AMD)
    target = (y + 1) % 4
    result = run_attack(AMD(), model, x, y, Ball("linf", 0.4), target=target, pool=pool(AMD))
    assert isinstance(model, Network)
    assert result.success.float().mean() > 0.5


def test_its_passes_are_the_looks_and_the_features_ones():
    model = Features(torch.eye(3))
    x = torch.full((2, 3), 0.5)
    guides = x[:1] + 0.1, torch.ones(1).long()
    result = run_attack(
        AMD(steps=5), model, x, torch.zeros(2).long(), Ball("linf", EPS), pool=guides
    )
    # the clean look, the guide; each step its look and its features; the last look
    assert result.forward.tolist() == [1 + 1 + 2 * 5] * 2
    assert result.backward.tolist() == [5, 5]


def test_its_name_in_capitals_leads_to_it():
    assert ATTACKS.get("AMD") is AMD
