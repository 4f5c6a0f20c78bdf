import itertools

import torch

from roadworthy.attacks.evasion.rays import RayS
from roadworthy.core.driver import HALVINGS, run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import linear, trained

WIDE = (torch.tensor(-50.0), torch.tensor(50.0))


def test_rays_finds_the_nearest_corner_of_all():
    """All 2^8 directions, each with the radius at which a linear model errs along it."""
    model, x, y, _ = linear((8,), 4)
    corners = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=8)))
    slopes = corners @ model.weight[:, 0]
    radius = -(x @ model.weight[:, 0])[:, None] / slopes[None]
    nearest = torch.where(radius > 0, radius, float("inf")).amin(1)
    result = run_attack(RayS(steps=300), model, x, y, Ball("linf", 1.0), bounds=WIDE)
    assert (result.distance >= nearest * (1 - 1e-5)).all()
    assert (result.distance <= nearest * 1.01).all()


def test_no_smaller_radius_along_its_direction_is_an_error():
    model, x, y = trained()
    x, y = x[:10], y[:10]
    result = run_attack(RayS(steps=300), model, x, y, Ball("linf", 1.0))
    assert result.success.all()
    delta = result.x - x
    for share in torch.arange(0.05, 1 - 2.0**-HALVINGS, 0.05):
        held = torch.minimum(
            torch.maximum(delta, -share * result.distance[:, None, None, None]),
            share * result.distance[:, None, None, None],
        )
        assert (model.forward(x + held).argmax(1) == y).all()
