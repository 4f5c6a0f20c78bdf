"""AWP against what it promises of the weights."""

import pytest
import torch
from torch import nn

from roadworthy.strategies import AWP


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
