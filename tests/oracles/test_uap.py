"""Universal perturbations: one change for all, held to the ball, far better than noise."""

import pytest
import torch

from roadworthy.attacks import UAP
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import draw, trained
from tests.models import LinearModel

WIDE = (torch.tensor(-50.0), torch.tensor(50.0))


def test_all_fooled_samples_have_the_same_change():
    model, x, y = trained()
    result = UAP()(model, x, y, Ball("linf", 0.3))
    assert result.success.any()
    changes = result.theta[result.success]
    assert (changes == changes[0]).all()
    change = changes[0].reshape(x.shape[1:])
    assert torch.allclose(result.x[result.success], (x[result.success] + change).clamp(0, 1))


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.3), ("l2", 2.5)])
def test_it_fools_many_more_than_ten_random_changes_of_the_same_size(norm, eps):
    model, x, y = trained()
    threat = Ball(norm, eps)
    found = int(UAP()(model, x, y, threat).success.sum())
    shares = []
    for seed in range(10):
        change = threat.project(1e3 * draw(1, 1, 8, 8, seed=seed).sign())
        with torch.no_grad():
            shares.append(int((model.forward((x + change).clamp(0, 1)).argmax(1) != y).sum()))
    assert found >= 2 * max(shares)
    assert found >= len(x) // 3


def test_it_fools_every_sample_on_one_side_of_a_hyperplane_by_the_least_change():
    w = draw(10, seed=1)
    model = LinearModel(torch.stack([w, torch.zeros(10)], 1), torch.zeros(2), (10,))
    x = draw(40, 10, seed=2)
    x = x[(x @ w) > 0.1]
    y = torch.zeros(len(x), dtype=torch.int64)
    farthest = float((x @ w).max() / w.norm())
    enough = run_attack(UAP(), model, x, y, Ball("l2", farthest * 1.02), bounds=WIDE)
    assert enough.success.all()
    little = run_attack(UAP(), model, x, y, Ball("l2", farthest * 0.98), bounds=WIDE)
    assert int((~little.success).sum()) >= 1
    assert int(little.success.sum()) >= len(x) - 3
