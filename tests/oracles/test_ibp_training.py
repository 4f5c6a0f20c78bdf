"""Training with interval bounds: its loss against formulas, and what it is for."""

import pytest
import torch
from torch import nn

from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Silent
from roadworthy.core.threat import Ball
from roadworthy.recipes import CNN, MLP
from roadworthy.strategies import IBPTraining
from roadworthy.strategies.ibp_training import worst_logits
from roadworthy.training.trained import defended
from roadworthy.verification import Region, certified, interval_propagation
from tests.datasets import builtin
from tests.toy_data import toy


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def region(x, eps):
    everything = torch.tensor(-9.0), torch.tensor(9.0)
    return Region.around(x, x.new_full((len(x),), eps), Ball("linf", eps), everything)


def test_without_a_radius_the_worst_outputs_are_the_leads():
    torch.manual_seed(0)
    network, x = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)), torch.rand(5, 4)
    y = torch.tensor([0, 1, 2, 0, 1])
    logits = network(x)
    leads = logits - logits.gather(1, y[:, None])
    torch.testing.assert_close(worst_logits(network, region(x, 0.0), y), leads)


def test_the_worst_outputs_of_a_linear_layer_are_those_of_the_worst_input():
    torch.manual_seed(0)
    network, x, y = nn.Sequential(nn.Linear(4, 2)), torch.rand(5, 4), torch.zeros(5).long()
    direction = network[0].weight[1] - network[0].weight[0]
    logits = network(x + 0.1 * direction.sign())
    worst = worst_logits(network, region(x, 0.1), y)
    torch.testing.assert_close(worst[:, 1], logits[:, 1] - logits[:, 0])
    assert (worst[:, 0] == 0).all()


def test_the_worst_outputs_have_gradients_by_the_weights():
    network = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    worst_logits(network, region(torch.rand(5, 4), 0.1), torch.zeros(5).long()).sum().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in network[2:].parameters())
    assert network[0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize(("recipe", "least"), [(MLP(), 0.7), (CNN(), 0.4)], ids=["mlp", "cnn"])
def test_it_is_certified_where_plain_training_is_not(recipe, least):
    data, eps, shares = builtin("digits"), 8 / 255, []
    x, y = data.test.x[:150], data.test.y[:150]
    for strategies in ((), (IBPTraining(),)):
        model = defended(recipe, strategies).fit(data, data.train, 0, Silent())
        held = certified(model.inner.module, x, y, eps, interval_propagation)
        shares.append(float(held.double().mean()))
    assert (model(x).argmax(1) == y).double().mean() > 0.85
    assert shares[0] < 0.1
    assert shares[1] > least


def test_a_ramp_before_the_warm_up_is_refused():
    data = toy(Task.NOMINAL, "tabular")
    with pytest.raises(InputError, match="warm-up"):
        defended(MLP(), (IBPTraining(warm_up=0.7),)).fit(data, data.train, 0, Silent())
