import torch

from roadworthy.attacks import CW, EAD
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import trained
from tests.models import LinearModel
from tests.oracles.hyperplanes import excess


def test_ead_reaches_the_nearest_plane_of_a_linear_model_in_l1():
    factor = excess(EAD(), "l1")
    assert (factor > 1 - 1e-5).all()
    assert (factor < 1.02).all()


def test_ead_fills_the_steepest_features_first_in_a_tight_box():
    # each feature moves by at most 0.5, so the plane at 0.7 takes all of the first and some of the
    # second: |δ|₁ = 0.5 + (0.7 - 0.5 * 1.0) / 0.8
    slope = torch.tensor([0.1, 1.0, 0.8, 0.3])
    model = LinearModel(torch.stack([torch.zeros(4), slope], 1), torch.tensor([0.0, -0.7]), (4,))
    x, y = torch.zeros(1, 4), torch.zeros(1, dtype=torch.int64)
    box = (torch.tensor(-0.5), torch.tensor(0.5))
    result = run_attack(EAD(), model, x, y, Ball("l1", 1.0), bounds=box)
    assert result.success.all()
    assert 0.75 * (1 - 1e-5) <= float(result.distance) < 0.75 * 1.02
    assert torch.equal(result.x[0] != 0, torch.tensor([False, True, True, False]))


def test_ead_in_l2_changes_fewer_features_than_cw_as_its_share_of_l1_grows():
    model, x, y = trained()
    x, y = x[:10], y[:10]
    threat = Ball("l2", 1.0)
    many, few = (
        (run_attack(attack, model, x, y, threat).x - x).abs().flatten(1) > 1e-6
        for attack in (CW(steps=100), EAD(steps=100, beta=0.5))
    )
    assert few.sum() < 0.8 * many.sum()
