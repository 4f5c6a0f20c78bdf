"""EAT's attacks: from each network in turn, and within the ball."""

import torch
from torch import nn

from roadworthy.core.dataset import Task
from roadworthy.core.progress import Silent
from roadworthy.core.threat import Ball
from roadworthy.recipes import CNN, MLP
from roadworthy.strategies import EAT
from roadworthy.strategies.eat import OneStep
from roadworthy.training.plan import Batch
from tests.toy_data import toy


def batch_of(data, progress=0.0):
    rows = torch.arange(16)
    return Batch(data.train.x[rows], data.train.y[rows], data.train.y[rows], rows, progress)


def test_the_attack_comes_from_each_network_in_turn():
    data = toy(Task.NOMINAL, "image")
    recipe = CNN(width=8, epochs=2)
    plan = EAT(others=2).apply(recipe.plan(data, data.train, 0), Silent())
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    steps = 2 * 4  # 120 rows in batches of 32
    own = []
    for step in range(steps):
        passes = []
        handle = network.register_forward_hook(lambda *_, seen=passes: seen.append(1))
        plan.objective(network, batch_of(data, step / steps))
        handle.remove()
        own.append(len(passes) == 3)  # the attack, the rows, and the attacked rows
    assert own == [step % 3 == 2 for step in range(steps)]


def test_the_other_networks_differ_and_stay_as_they_are():
    data = toy(Task.NOMINAL, "image")
    plan = CNN(width=8, epochs=1).plan(data, data.train, 0)
    others = [EAT()._trained(plan, k, Silent()) for k in range(2)]
    x = data.test.x
    assert not torch.equal(others[0](x), others[1](x))
    assert not any(weight.requires_grad for other in others for weight in other.parameters())


def test_both_steps_together_stay_within_the_ball_and_valid_values():
    for kind, shape in (("image", 64), ("tabular", 5)):
        data = toy(Task.NOMINAL, kind)
        plan = MLP().plan(data, data.train, 0)
        source = nn.Sequential(nn.Flatten(), nn.Linear(shape, 3))
        batch = batch_of(data)
        near = OneStep(plan, 0.1, start=0.5)(source, batch)
        ball = Ball.of(data, "linf", 0.1)
        assert bool(ball.contains(near - batch.x).all())
        assert not torch.equal(near, batch.x)
        if kind == "image":
            assert near.min() >= 0
            assert near.max() <= 1


def test_without_a_random_start_it_is_the_fast_gradient_sign_method():
    data = toy(Task.NOMINAL, "image")
    plan = CNN().plan(data, data.train, 0)
    source = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    batch = batch_of(data)
    x = batch.x.clone().requires_grad_()
    batch.loss(source(x), "sum").backward()
    expected = (batch.x + 0.1 * x.grad.sign()).clamp(0, 1)
    assert torch.allclose(OneStep(plan, 0.1, start=0.0)(source, batch), expected)
