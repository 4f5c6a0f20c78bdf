"""Input gradient regularization against a model whose gradient can be written down."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import one_hot

from roadworthy.core.dataset import Task
from roadworthy.core.progress import Silent
from roadworthy.recipes import MLP
from roadworthy.strategies import GradientRegularization
from roadworthy.training.plan import Batch
from tests.toy_data import toy


def penalty_of(strategy, data):
    (penalty,) = strategy.apply(MLP().plan(data, data.train, 0), Silent()).penalties
    return penalty


def batch_of(data):
    rows = torch.arange(20)
    return Batch(data.train.x[rows], data.train.y[rows], data.train.y[rows], rows, 0.0)


@pytest.mark.parametrize("kind", ["image", "tabular"])
def test_the_penalty_of_a_linear_softmax_model_has_a_closed_form(kind):
    data = toy(Task.NOMINAL, kind)
    batch = batch_of(data)
    network = nn.Sequential(nn.Flatten(), nn.Linear(batch.x[0].numel(), 3)).double()
    batch = Batch(batch.x.double(), batch.y, batch.y, batch.rows, 0.0)
    excess = network(batch.x).softmax(1) - one_hot(batch.y, 3)
    slope = excess @ network[1].weight  # of the loss, by the input
    if kind == "tabular":
        slope = slope[:, :4]  # the last column is a category
    expected = 2.5 * slope.square().sum(1).mean()
    penalty = penalty_of(GradientRegularization(weight=2.5), data)
    assert torch.allclose(penalty(network, batch), expected)


def test_the_penalty_teaches_the_weights():
    data = toy(Task.NOMINAL, "image")
    batch = batch_of(data)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 3)).double()
    batch = Batch(batch.x.double(), batch.y, batch.y, batch.rows, 0.0)
    penalty = penalty_of(GradientRegularization(), data)
    weight = network[1].weight
    (slope,) = torch.autograd.grad(penalty(network, batch), weight)
    after, before = (penalty(_moved(network, by), batch) for by in (1e-5, -1e-5))
    assert torch.allclose(slope[0, 5], (after - before) / 2e-5, rtol=1e-5)


def _moved(network, by):
    moved = copy.deepcopy(network)
    with torch.no_grad():
        moved[1].weight[0, 5] += by
    return moved
