"""Defensive distillation against what its temperature means."""

import torch
from torch import nn

import roadworthy as rw
from roadworthy.core.dataset import Task
from roadworthy.core.progress import Silent
from roadworthy.recipes import CNN, DigitsCNN
from roadworthy.strategies import DefensiveDistillation
from roadworthy.training.loop import fit_plan
from roadworthy.training.plan import Batch
from roadworthy.training.trained import defended
from tests.toy_data import toy


def test_the_loss_is_the_soft_cross_entropy_at_the_temperature():
    network = nn.Linear(4, 3)
    torch.manual_seed(0)
    x, targets = torch.randn(6, 4), torch.rand(6, 3).softmax(1)
    batch = Batch(x, torch.zeros(6, dtype=torch.int64), targets, torch.arange(6), 0.0)
    powers = (network(x) / 7.0).exp()
    expected = -(targets * (powers / powers.sum(1, keepdim=True)).log()).sum(1).mean()
    assert torch.allclose(DefensiveDistillation(7.0).loss(network, batch), expected)


def test_the_targets_are_the_teachers_answers_at_the_temperature():
    data = toy(Task.NOMINAL, "image")
    plain = CNN(width=8, epochs=3).plan(data, data.train, 0)
    plan = DefensiveDistillation(5.0).apply(plain, Silent())
    rows = torch.tensor([7, 3, 100])
    soft = plan.batch(data.train.x[rows], data.train.y[rows], rows, 0.0).targets
    assert torch.allclose(soft.sum(1), torch.ones(3))
    hot = DefensiveDistillation(5.0)
    teacher = fit_plan(plain.set("teacher", objective=hot.loss, seed=plain.seed + 1), Silent())
    assert torch.allclose(soft, (teacher(data.train.x[rows]) / 5.0).softmax(1), atol=1e-5)


def test_logits_grow_with_the_temperature():
    data = rw.load_dataset("digits")
    largest = []
    for temperature in (2.0, 8.0):
        recipe = defended(DigitsCNN(epochs=6), (DefensiveDistillation(temperature),))
        model = recipe.fit(data, data.train, 0, Silent())
        logits = model(data.test.x)
        assert (logits.argmax(1) == data.test.y).float().mean() > 0.9
        largest.append(float((logits.amax(1) - logits.mean(1)).median()))
    # a few epochs do not take the logits all the way to four times as much
    assert largest[1] > 2 * largest[0]
