"""Sparse L1 descent against its definition on a linear model."""

import torch

from roadworthy.attacks import ATTACKS, FGSM, SparseL1
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import draw, trained
from tests.models import LinearModel

WIDE = (torch.tensor(-50.0), torch.tensor(50.0))


def candidates(attack, w, x, eps, bounds):
    """Give what the attack proposes step by step to a model that it cannot beat."""
    seen = []

    class Watched(LinearModel):
        def forward(self, x):
            seen.append(x.detach())
            return super().forward(x)

    model = Watched(torch.stack([-w, w], 1), torch.tensor([1e3, 0.0]), (len(w),))
    run_attack(attack, model, x, torch.zeros(len(x)).long(), Ball("l1", eps), bounds=bounds)
    return seen[1:]


def test_the_first_step_is_spread_over_the_steepest_tenth():
    w, x = draw(20, seed=1), draw(3, 20, seed=2)
    first = candidates(SparseL1(quantile=0.9, rel_step=0.5), w, x, 2.0, WIDE)[0] - x
    top = w.abs().topk(2).indices
    expected = torch.zeros(20).index_put((top,), w[top].sign() * 0.5)
    assert torch.allclose(first, expected.expand_as(x), atol=1e-5)


def test_it_passes_over_features_that_the_box_blocks():
    w, x = torch.tensor([4.0, -3.0, 2.0, 1.0]), torch.tensor([[1.0, 0.0, 0.5, 0.5]])
    first = candidates(SparseL1(quantile=0.75, rel_step=0.2), w, x, 1.0, (x[0] * 0, x[0] * 0 + 1))
    assert torch.allclose(first[0] - x, torch.tensor([[0.0, 0.0, 0.2, 0.0]]), atol=1e-6)


def test_it_finds_more_errors_than_one_step_on_a_trained_network():
    model, x, y = trained()
    threat = Ball("l1", 2.0)
    many, one = (attack(model, x, y, threat).success.sum() for attack in (SparseL1(), FGSM()))
    assert many > one


def test_its_other_names_lead_to_it():
    assert ATTACKS.get("SparseL1") is ATTACKS.get("SLIDE") is SparseL1
