"""L-BFGS in a box against SciPy's, and BLB against the exact distance of linear models."""

import numpy as np
import pytest
import torch
from scipy import optimize

from roadworthy.attacks import BLB
from roadworthy.attacks.lbfgs import Descent, advance, trial
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import draw
from tests.models import LinearModel

WIDE = (torch.tensor(-50.0), torch.tensor(50.0))


def minimize(function, x, low, high, evaluations):
    descent = Descent.at(x, 8)
    at = x
    for _ in range(evaluations):
        point = at.clone().requires_grad_()
        value = function(point)
        (gradient,) = torch.autograd.grad(value.sum(), point)
        descent = advance(descent, at, value.detach(), gradient, low, high)
        at = trial(descent, low, high)
    return descent


def quadratics(n, size):
    """Give convex functions of (N, D), one per sample, some of whose minima lie outside the box."""
    root = draw(n, size, size, seed=1).double()
    matrix = root @ root.transpose(1, 2) / size + 0.1 * torch.eye(size).double()
    center = draw(n, size, seed=2).double() * 1.5

    def function(x):
        away = x - center
        return (away[:, None] @ matrix @ away[:, :, None])[:, 0, 0] / 2

    return function


def banana(x):
    """Give the function of Rosenbrock of each row."""
    return (100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2).sum(1)


@pytest.mark.parametrize(("function", "size"), [(quadratics(6, 7), 7), (banana, 4)])
def test_it_ends_where_scipys_bounded_l_bfgs_ends(function, size):
    x = draw(6, size, seed=3).double().clamp(-0.9, 0.9)
    low, high = torch.full_like(x, -1.0), torch.full_like(x, 1.0)
    found = minimize(function, x, low, high, 400)
    assert ((found.x >= low) & (found.x <= high)).all()
    for row in range(len(x)):

        def alone(values, row=row):
            points = x.clone()
            points[row] = torch.from_numpy(values)
            points.requires_grad_()
            value = function(points)[row]
            (gradient,) = torch.autograd.grad(value, points)
            return float(value.detach()), gradient[row].numpy()

        best = optimize.minimize(
            alone, x[row].numpy(), jac=True, method="L-BFGS-B", bounds=[(-1, 1)] * size,
            options={"maxiter": 2000, "ftol": 1e-14, "gtol": 1e-10},
        )  # fmt: skip
        assert float(found.value[row]) <= best.fun + 1e-5 * (1 + abs(best.fun))
        if function is not banana:
            assert np.allclose(found.x[row].numpy(), best.x, atol=1e-2)


def test_blb_reaches_the_hyperplane_of_a_linear_model():
    weight, bias, x = draw(12, 3, seed=1), draw(3, seed=2), draw(10, 12, seed=3)
    model = LinearModel(weight, bias, (12,))
    logits = model.forward(x)
    y = logits.argmax(1)
    target = logits.argsort(1)[:, 0]
    gap = logits.amax(1) - logits.gather(1, target[:, None])[:, 0]
    # with three classes the target has to overtake both others; the nearer point is a lower bound
    exact = gap / (weight.T[y] - weight.T[target]).norm(dim=1)
    result = run_attack(BLB(), model, x, y, Ball("l2", 1.0), target=target, bounds=WIDE)
    assert result.success.all()
    assert (result.distance >= exact * (1 - 1e-5)).all()
    two = LinearModel(weight[:, :2], bias[:2], (12,))
    logits = two.forward(x)
    exact = (logits[:, 0] - logits[:, 1]).abs() / (weight[:, 0] - weight[:, 1]).norm()
    result = run_attack(BLB(), two, x, logits.argmax(1), Ball("l2", 1.0), bounds=WIDE)
    assert (result.distance <= exact * 1.02).all()
