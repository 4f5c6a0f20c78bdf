import pytest
import torch

from roadworthy.attacks.evasion.zoo import ZOO
from roadworthy.attacks.losses import lead
from roadworthy.core.attack import State
from roadworthy.core.driver import run_attack
from roadworthy.core.streams import Streams
from roadworthy.core.threat import Ball
from tests.attack_subjects import Network, draw, linear

WIDE = (torch.tensor(-50.0), torch.tensor(50.0))


def test_its_differences_are_the_derivatives_that_autograd_gives():
    model, x = Network(), draw(4, 3, 8, 8, seed=1).sigmoid().double()
    model.module.double()
    y = model.forward(x).argmax(1)
    state = State(
        x=x, origin=x, y=y, sign=torch.ones(4).double(), low=x - 1, high=x + 1,
        streams=Streams.of(0, torch.arange(4)), theta=x.new_zeros(4, 0),
        finished=torch.zeros(4, dtype=torch.bool), copy=torch.zeros(4).long(), guide=None,
    )  # fmt: skip
    parts = torch.eye(192, dtype=torch.bool).expand(4, -1, -1)
    unit = torch.ones(192).double()
    slopes = ZOO(probe=1e-4)._slopes(model, state, parts, unit)
    inputs = x.clone().requires_grad_()
    (truth,) = torch.autograd.grad(lead(state, model.forward(inputs)).sum(), inputs)
    assert torch.allclose(slopes, truth.flatten(1), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("shape", [(20,), (3, 8, 8)])
def test_zoo_comes_within_two_percent_of_a_hyperplane(shape):
    model, x, y, margin = linear(shape, 3)
    result = run_attack(ZOO(steps=150), model, x, y, Ball("l2", 1.0), bounds=WIDE)
    assert result.success.all()
    assert (result.distance <= margin["l2"] * 1.02).all()


def test_features_that_moved_are_chosen_more_often():
    x = torch.zeros(400, 30)
    state = State(
        x=x, origin=x, y=torch.zeros(400, dtype=torch.int64), sign=torch.ones(400), low=x - 1,
        high=x + 1, streams=Streams.of(0, torch.arange(400)), theta=x.new_zeros(400, 0),
        finished=torch.zeros(400, dtype=torch.bool), copy=torch.zeros(400).long(), guide=None,
    )  # fmt: skip
    units = x.clone()
    units[:, :3] = 1.0
    chosen = ZOO(coordinates=3)._parts(state, units, torch.ones(30), 0).float().mean((0, 1))
    assert (chosen[:3] > 3 * chosen[3:].max()).all()
