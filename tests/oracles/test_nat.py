"""NAT against the mix of losses and the law of lengths in the paper."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from roadworthy.core.dataset import Task
from roadworthy.core.progress import Silent
from roadworthy.recipes import MLP
from roadworthy.strategies import NAT
from roadworthy.training.plan import Batch
from tests.toy_data import toy


class FixedLengths(NAT):
    """Draws every length as the longest one, so that the attack can be written down."""

    def lengths(self, x):
        return x.new_full((len(x),), self.eps)


def test_the_loss_is_the_weighted_mean_of_replaced_and_kept_rows():
    data = toy(Task.NOMINAL, "image")
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    x, y = data.train.x[:8], data.train.y[:8]
    plan = FixedLengths(eps=0.1, share=0.5, weight=0.3).apply(
        MLP().plan(data, data.train, 0), Silent()
    )
    loss = plan.objective(network, Batch(x, y, y, torch.arange(8), 0.0))
    # toward the least likely class of a linear model: its row of the weights minus their mean
    weight, logits = network[1].weight, network(x[:4])
    least = logits.argmin(1)
    slope = (weight[least] - logits.softmax(1) @ weight).reshape(4, 1, 8, 8)
    near = (x[:4] + 0.1 * slope.sign()).clamp(0, 1)
    attacked = cross_entropy(network(near), y[:4], reduction="sum")
    kept = cross_entropy(network(x[4:]), y[4:], reduction="sum")
    assert torch.allclose(loss, (kept + 0.3 * attacked) / (4 + 0.3 * 4))


@pytest.mark.parametrize("spread", [0.2, 0.5, 2.0])
def test_lengths_follow_a_normal_that_is_cut_off(spread):
    torch.manual_seed(0)
    lengths = NAT(eps=0.3, spread=spread).lengths(torch.zeros(20_000, 1))
    assert lengths.min() >= 0
    assert lengths.max() <= 0.3
    for point in (0.05, 0.15, 0.25):
        below = math.erf(point / (0.3 * spread * math.sqrt(2))) / math.erf(
            1 / (spread * math.sqrt(2))
        )
        # four standard errors
        assert abs((lengths <= point).double().mean() - below) < 4 * 0.5 / math.sqrt(20_000)
