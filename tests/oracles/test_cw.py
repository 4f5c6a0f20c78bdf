import torch

from roadworthy.attacks import CW
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import draw
from tests.models import LinearModel
from tests.oracles.hyperplanes import excess


def test_cw_reaches_the_nearest_plane_of_a_linear_model():
    factor = excess(CW(), "l2")
    assert (factor > 1 - 1e-5).all()
    assert (factor < 1.02).all()


def test_cw_moves_pixels_that_are_exactly_at_the_ends_of_their_range():
    # only pixels at 0 and 1 matter, and the way into the box is the way to the other class
    slope = torch.where(torch.arange(20) % 2 == 0, 1.0, -1.0) * draw(20, seed=1).abs()
    x = (torch.arange(20) % 2).float()[None]
    ahead = 0.3 * slope.abs().sum()
    bias = torch.stack([torch.zeros(()), -ahead - (x * slope).sum()])
    model = LinearModel(torch.stack([torch.zeros(20), slope], 1), bias, (20,))
    y = torch.zeros(1, dtype=torch.int64)
    result = run_attack(CW(), model, x, y, Ball("l2", 1.0))
    assert result.success.all()
    assert float(result.distance) < 1.02 * float(ahead / slope.norm())


def test_cw_stops_a_round_whose_loss_stalls():
    model = LinearModel(torch.tensor([[1.0, -1.0], [0.0, 0.0]]), torch.tensor([-0.5, 0.5]), (2,))
    x, y = torch.tensor([[0.8, 0.5]]), torch.tensor([0])
    result = run_attack(CW(steps=500), model, x, y, Ball("l2", 1.0))
    assert result.success.all()
    assert int(result.backward) < 450
