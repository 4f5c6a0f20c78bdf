"""Thermometer codes against the paper's example, and what is left of them under adaptive attack."""

from dataclasses import replace

import pytest
import torch

import roadworthy as rw
from roadworthy.attacks import PGD
from roadworthy.core.adaptive import adaptive
from roadworthy.core.dataset import Task
from roadworthy.core.model import Offer
from roadworthy.core.progress import Silent
from roadworthy.core.threat import Ball
from roadworthy.networks import build
from roadworthy.networks.thermometer import Thermometer
from roadworthy.recipes import CNN, MLP, DigitsCNN
from roadworthy.sources.bundles import load_bundle, save_bundle
from roadworthy.strategies import AdversarialTraining, GradientRegularization, ThermometerEncoding
from roadworthy.training.plan import Batch
from roadworthy.training.trained import defended
from tests.toy_data import toy


def codes(values, levels=10):
    x = torch.tensor(values).reshape(1, 1, 1, -1)
    return Thermometer(levels)(x)[0, :, 0].T  # (values, levels)


def test_the_codes_are_the_papers_example():
    expected = ["0111111111", "0000001111", "0000000001"]  # of table 1 in the paper
    given = ["".join(str(int(bit)) for bit in code) for code in codes([0.13, 0.66, 0.92])]
    assert given == expected


def test_a_larger_value_never_has_more_levels_on():
    on = codes(torch.linspace(0, 1, 201).tolist(), levels=16).sum(1)
    assert bool((on.diff() <= 0).all())
    assert on[0] == 16
    assert on[-1] == 1
    assert len(on.unique()) == 16


def test_codes_are_zeros_and_ones_channel_by_channel():
    x = torch.rand(2, 3, 4, 5, requires_grad=True)
    code = Thermometer(16)(x)
    assert code.shape == (2, 48, 4, 5)
    assert torch.equal(code, code.round())
    assert torch.equal(code[:, 16:32], Thermometer(16)(x[:, 1:2]))
    one_hot = torch.nn.functional.one_hot(Thermometer(16).quantize(x), 16).float()
    assert torch.equal(Thermometer(16).encode(one_hot), code)


def test_on_the_way_back_a_brighter_value_turns_levels_near_it_off():
    x = torch.tensor([0.5]).reshape(1, 1, 1, 1).requires_grad_()
    for level, is_near in ((7, True), (0, False), (15, False)):
        (slope,) = torch.autograd.grad(Thermometer(16)(x)[0, level, 0, 0], x)
        assert slope < 0
        assert (slope.abs() > 1) == is_near


@pytest.mark.parametrize("recipe", [CNN(width=8), MLP()])
def test_codes_that_are_learned_from_lie_within_the_radius_and_raise_the_loss(recipe):
    data = toy(Task.NOMINAL, "image")
    strategy = ThermometerEncoding(is_adversarial=True, eps=0.1)
    plan = strategy.apply(recipe.plan(data, data.train, 0), Silent())
    torch.manual_seed(0)
    network, rows = build(plan.parts), torch.arange(32)
    batch = Batch(data.train.x[rows], data.train.y[rows], data.train.y[rows], rows, 0.5)
    code = strategy.attack(network, batch)
    # a code has as many levels on as its value has at and above its own
    level = 16 - code.reshape(32, 1, 16, 8, 8).sum(2)
    assert bool((level >= network[0].quantize(batch.x - 0.1)).all())
    assert bool((level <= network[0].quantize(batch.x + 0.1)).all())
    still = replace(strategy, steps=0).attack(network, batch)
    assert batch.loss(network[1:](code)) > batch.loss(network[1:](still)) + 0.01


@pytest.mark.parametrize("other", [AdversarialTraining(steps=1), GradientRegularization()])
def test_strategies_that_need_slopes_of_the_input_learn_through_the_smooth_code(other):
    data = toy(Task.NOMINAL, "image")
    first, second = (
        defended(CNN(width=8, epochs=2), strategies).fit(data, data.train, 0, Silent())
        for strategies in ((ThermometerEncoding(),), (other, ThermometerEncoding()))
    )
    assert not torch.equal(first(data.test.x), second(data.test.x))


@pytest.fixture(scope="module")
def encoded():
    data = rw.load_dataset("digits")
    recipe = defended(DigitsCNN(epochs=4), (ThermometerEncoding(),))
    return recipe.fit(data, data.train, 0, Silent()), data


def test_the_model_declares_the_obstacle_and_a_way_around_it(encoded, tmp_path):
    model, data = encoded
    again = load_bundle(save_bundle(model, tmp_path / "bundle"), data)
    for each in (model, again):
        assert each.spec.obstacles == ("thermometer",)
        assert Offer.GRADIENTS not in each.spec.offers
        seen = adaptive(each)
        assert Offer.GRADIENTS in seen.spec.offers
        assert seen.spec.obstacles == ()
        assert torch.equal(seen(data.test.x), each(data.test.x))


def test_an_attack_that_goes_around_breaks_what_a_transferred_one_does_not(encoded):
    model, data = encoded
    x, y, ball = data.test.x[:150], data.test.y[:150], Ball("linf", 0.15)
    plain = DigitsCNN(epochs=4).fit(data, data.train, 0, Silent())
    transferred = PGD()(plain, x, y, ball).x
    around = PGD()(adaptive(model), x, y, ball).x
    robust = [float((model(near).argmax(1) == y).float().mean()) for near in (transferred, around)]
    assert robust[0] > 0.7
    assert robust[1] < 0.4
