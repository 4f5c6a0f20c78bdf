"""Fast adversarial training: its inputs, and the guard against catastrophic overfitting."""

from dataclasses import replace

import torch
from torch import nn

from roadworthy.core.dataset import Task
from roadworthy.core.progress import Silent
from roadworthy.recipes import CNN
from roadworthy.strategies import FastAdversarialTraining
from roadworthy.training.plan import Batch
from tests.toy_data import toy

EPS = 0.2


class Bent(nn.Module):
    """Is right at a row and at the end of one step from it, and wrong half way."""

    def __init__(self, center):
        super().__init__()
        self.center = nn.Parameter(torch.tensor(center))
        self.asked = []

    def forward(self, x):
        self.asked.append(x.detach())
        margin = (x.flatten(1)[:, 0] - self.center - EPS / 2).abs() - EPS / 4
        return torch.stack([margin, -margin], 1)


class Straight(Bent):
    def forward(self, x):
        self.asked.append(x.detach())
        margin = self.center + 0.5 - x.flatten(1)[:, 0]
        return torch.stack([margin, -margin], 1)


def bent_data():
    """Rows at 0.4 of class 0, and one of each class elsewhere so that both exist."""
    data = toy(Task.NOMINAL, "tabular")
    x = torch.full_like(data.train.x, 0.4)
    rows = replace(data.train, x=x, y=torch.zeros_like(data.train.y))
    return replace(data, splits=(rows, data.test))


def plan_of(data, **settings):
    plan = CNN(width=8, epochs=2).plan(toy(Task.NOMINAL, "image"), data.train, 0)
    plan = replace(plan, data=data, rows=data.train)
    return FastAdversarialTraining(eps=EPS, warm_up=0, watch=2, **settings).apply(plan, Silent())


def passes_per_step(network, plan, data):
    """Count the passes of the attack and of the loss at each of the 8 steps."""
    rows, passes = torch.arange(32), []
    beside = {name: make(network) for name, make in plan.beside.items()}
    for step in range(8):
        network.asked.clear()
        x, y = data.train.x[rows], data.train.y[rows]
        plan.objective(network, Batch(x, y, y, rows, step / 8, beside=beside))
        passes.append(sum(len(x) == 32 for x in network.asked))
    return passes


def test_attacked_inputs_lie_in_the_ball_and_are_one_step_from_a_random_start():
    data = bent_data()
    network = Straight(0.4)
    assert passes_per_step(network, plan_of(data), data) == [2] * 8
    start, end = (x for x in network.asked if len(x) == 32)
    for x in (start, end):
        assert (x - 0.4).abs().max() <= EPS + 1e-6
    assert start[:, 0].std() > EPS / 4
    expected = (start[:, 0] + 1.25 * EPS).clamp_max(0.4 + EPS)
    assert torch.allclose(end[:, 0], expected)


def test_pgd_takes_over_where_one_step_finds_nothing_and_several_do():
    data = bent_data()
    after = [2, 9, 9, 9, 9, 9, 9, 9]  # 8 of PGD and the loss, from the first look on
    passes = passes_per_step(Bent(0.4), plan_of(data, steps=8), data)
    assert passes == after
    passes = passes_per_step(Bent(0.4), plan_of(data, steps=8, gap=1.0), data)
    assert passes == [2] * 8
