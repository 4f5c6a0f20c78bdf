import torch

from roadworthy.attacks import CW, OptMargin
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import draw, trained

MAGNITUDE = 0.15


def survival(attack):
    """Give the share of orthogonal perturbations that an attack's errors outlast, as in a test."""
    model, x, y = trained()
    x, y = x[:8], y[:8]
    result = run_attack(attack, model, x, y, Ball("l2", 4.0))
    assert result.success.all()
    vectors = torch.linalg.qr(draw(64, 30, seed=11)).Q.T.reshape(30, 1, *x.shape[1:])
    moved = (result.x[None] + MAGNITUDE * 8 * vectors).clamp(0, 1)
    with torch.no_grad():
        wrong = model.forward(moved.flatten(0, 1)).argmax(1) != y.repeat(30)
    return float(wrong.double().mean())


def test_orthogonal_noise_undoes_few_errors_of_opt_margin_and_many_of_cw():
    robust = survival(OptMargin(steps=60, searches=3, magnitude=MAGNITUDE))
    assert robust > 0.9
    assert survival(CW(steps=60, searches=3)) < 0.75
