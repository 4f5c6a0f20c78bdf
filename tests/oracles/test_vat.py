"""The virtual adversarial direction against the exact curvature of a linear model."""

import torch

from roadworthy.attacks import ATTACKS, VAT
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import draw
from tests.models import LinearModel

WIDE = (torch.tensor(-50.0), torch.tensor(50.0))


def curvature(weight, p):
    """Give the Hessian of KL(p(x) || p(x + d)) by d at 0: W (diag(p) - p p') W'."""
    return weight @ (p.diag() - torch.outer(p, p)) @ weight.T


def last_two(attack, model, x, y, threat):
    seen = []

    class Watched(LinearModel):
        def forward(self, x):
            seen.append(x.detach())
            return super().forward(x)

    watched = Watched(model.weight, model.bias, model.spec.input_shape)
    run_attack(attack, watched, x, y, threat, bounds=WIDE)
    return seen[-2:]


def test_it_ends_along_the_direction_of_largest_curvature_and_against_it():
    # the largest two eigenvalues have a ratio of 2 or more, so 10 iterations are enough
    weight, bias = draw(8, 3, seed=1), torch.tensor([3.0, 0.0, 0.0])
    model, eps = LinearModel(weight, bias, (8,)), 1e-3
    x = draw(4, 8, seed=3) * 0.1
    y = model(x).argmax(1)
    first, second = last_two(VAT(iterations=20), model, x, y, Ball("l2", eps))
    for row in range(4):
        p = model(x[row : row + 1]).softmax(1)[0]
        values, vectors = torch.linalg.eigh(curvature(weight.double(), p.double()))
        assert values[-2] < 0.5 * values[-1]
        for end in (first, second):
            delta = (end - x)[row].double()
            assert abs(float(delta @ vectors[:, -1])) / float(delta.norm()) > 0.99
    assert torch.allclose(first - x, x - second, atol=1e-6)
    assert torch.allclose((first - x).norm(dim=1), torch.tensor(eps), rtol=1e-3)


def test_labels_do_not_change_where_it_goes():
    model = LinearModel(draw(5, 3, seed=4), torch.tensor([0.0, 9.0, 0.0]), (5,))
    x = draw(3, 5, seed=5) * 0.1
    right = torch.ones(3).long()
    ends = last_two(VAT(), model, x, right, Ball("l2", 0.1))
    shifted = LinearModel(model.weight[:, [1, 0, 2]], model.bias[[1, 0, 2]], (5,))
    others = last_two(VAT(), shifted, x, right * 0, Ball("l2", 0.1))
    assert torch.allclose(ends[0], others[0], atol=1e-5)


def test_it_finds_a_direction_where_the_model_is_all_but_certain():
    model = LinearModel(torch.stack([draw(6), torch.zeros(6)], 1), torch.tensor([15.0, 0.0]), (6,))
    x, w = torch.zeros(1, 6), draw(6)
    first, _ = last_two(VAT(), model, x, torch.tensor([0]), Ball("l2", 1.0))
    assert abs(float(first[0] @ w)) / float(w.norm()) > 0.999


def test_its_short_name_leads_to_it():
    assert ATTACKS.get("VA") is VAT
