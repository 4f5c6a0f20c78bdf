"""AWP against what it promises of the weights."""

import pytest
import torch
from torch import nn

from roadworthy.core.dataset import Task
from roadworthy.core.progress import Silent
from roadworthy.recipes import CNN
from roadworthy.strategies import AWP, MART, TRADES, AdversarialTraining
from roadworthy.training.trained import defended
from tests.toy_data import toy


def network_and_loss(seen):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    x, y = torch.randn(10, 6), torch.arange(10) % 3

    def loss():
        seen.append([weight.detach().clone() for weight in network.parameters()])
        return nn.functional.cross_entropy(network(x), y)

    return network, loss


@pytest.mark.parametrize("gamma", [0.005, 0.1])
def test_each_layer_moves_by_its_relative_length_and_biases_stay(gamma):
    seen = []
    network, loss = network_and_loss(seen)
    AWP(gamma).descend(network, loss)
    at, moved = seen
    for weight, other in zip(at, moved, strict=True):
        length = gamma if weight.ndim > 1 else 0.0
        assert torch.allclose((other - weight).norm(), length * weight.norm(), rtol=1e-4)


def test_the_weights_are_those_from_before_and_the_gradients_those_of_the_worse_ones():
    seen = []
    network, loss = network_and_loss(seen)
    before = [weight.detach().clone() for weight in network.parameters()]
    value = AWP(0.1).descend(network, loss)
    gradients = [weight.grad.clone() for weight in network.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    assert value > loss()
    with torch.no_grad():
        for weight, moved in zip(network.parameters(), seen[1], strict=True):
            weight.copy_(moved)
    network.zero_grad()
    loss().backward()
    for weight, gradient in zip(network.parameters(), gradients, strict=True):
        assert torch.allclose(weight.grad, gradient)


@pytest.mark.parametrize("other", [AdversarialTraining(steps=1), TRADES(steps=1), MART(steps=1)])
def test_it_adds_to_strategies_that_choose_the_loss(other):
    data, recipe = toy(Task.NOMINAL, "image"), CNN(width=8, epochs=2)
    alone = defended(recipe, (other,)).fit(data, data.train, 0, Silent())
    models = [
        defended(recipe, order).fit(data, data.train, 0, Silent())
        for order in ((other, AWP()), (AWP(), other))
    ]
    assert not torch.equal(models[0](data.test.x), alone(data.test.x))
    assert torch.equal(models[0](data.test.x), models[1](data.test.x))
