"""The single-step and iterated sign methods against closed forms on linear models."""

import pytest
import torch

from roadworthy.attacks import ATTACKS, BIM, ILLC, LLC, MIFGSM, RFGSM, RLLC
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import draw
from tests.models import LinearModel

WIDE = (torch.tensor(-50.0), torch.tensor(50.0))
EPS = 0.5


def far_away(features=12):
    """Give a model of two classes that no step of this size beats, and rows of its class 0."""
    w = draw(features, seed=1)
    bias = torch.tensor([1e3, 0.0])
    return LinearModel(torch.stack([-w, w], 1), bias, (features,)), w, draw(3, features, seed=2)


def last_candidate(attack, model, x, threat, **more):
    """Give what an attack that fails ends with: the last inputs that the model saw."""
    seen = []

    class Watched(type(model)):
        def forward(self, x):
            seen.append(x.detach())
            return super().forward(x)

    watched = Watched(model.weight, model.bias, model.spec.input_shape)
    y = watched.forward(x).argmax(1)
    result = run_attack(attack, watched, x, y, threat, bounds=WIDE, **more)
    assert not result.success.any()
    return seen[-1]


@pytest.mark.parametrize("attack", [BIM(), MIFGSM(), LLC(), ILLC()])
def test_sign_methods_end_at_the_best_corner_of_a_linear_model(attack):
    model, w, x = far_away()
    end = last_candidate(attack, model, x, Ball("linf", EPS))
    assert torch.allclose(end - x, EPS * w.sign().expand_as(x), atol=1e-5)


@pytest.mark.parametrize("attack", [BIM(), MIFGSM()])
def test_they_go_straight_to_the_sphere_in_l2(attack):
    model, w, x = far_away()
    end = last_candidate(attack, model, x, Ball("l2", EPS))
    assert torch.allclose(end - x, EPS * (w / w.norm()).expand_as(x), atol=1e-5)


@pytest.mark.parametrize("attack", [RFGSM(), RLLC(), RFGSM(alpha=0.25)])
def test_a_random_step_comes_before_that_of_the_gradient(attack):
    model, w, x = far_away()
    end = last_candidate(attack, model, x, Ball("linf", EPS))
    noise = (end - x) - (1 - attack.alpha) * EPS * w.sign()
    assert torch.allclose(noise.abs(), torch.full_like(x, attack.alpha * EPS), atol=1e-5)
    assert (noise > 0).any()
    assert (noise < 0).any()


@pytest.mark.parametrize("attack", [LLC(), ILLC(), RLLC(alpha=0.0)])
def test_they_aim_at_the_least_likely_class(attack):
    weight, bias = draw(6, 4, seed=3), torch.tensor([1e3, 10.0, -10.0, 0.0])
    x = draw(2, 6, seed=4)
    model = LinearModel(weight, bias, (6,))
    end = last_candidate(attack, model, x, Ball("linf", EPS))
    # class 0 has nearly all the probability, so the log-odds of class 2 have this gradient
    assert torch.allclose(end - x, EPS * (weight[:, 2] - weight[:, 0]).sign().expand_as(x))


def test_momentum_follows_the_paper_by_hand():
    weight, bias = draw(5, 3, seed=5), torch.tensor([30.0, 0.0, 0.0])
    x, y = draw(1, 5, seed=6), torch.tensor([0])
    model = LinearModel(weight, bias, (5,))
    attack, eps = MIFGSM(steps=4, rel_step=0.25, mu=0.7), 2.0
    end = last_candidate(attack, model, x, Ball("l2", eps))
    at, velocity = x.double(), torch.zeros(1, 5).double()
    for _ in range(4):
        point = at.clone().requires_grad_()
        logits = point @ weight.double() + bias.double()
        loss = torch.nn.functional.cross_entropy(logits, y)
        (gradient,) = torch.autograd.grad(loss, point)
        velocity = 0.7 * velocity + gradient / gradient.abs().sum()
        at = at + eps / 4 * velocity / velocity.norm()
        at = x + (at - x) * min(1.0, eps / float((at - x).norm()))
    assert torch.allclose(end.double(), at, atol=1e-4)


def test_names_of_the_field_lead_to_them():
    names = {"U-MI-FGSM": MIFGSM, "T-MI-FGSM": MIFGSM, "I-FGSM": BIM, "R+FGSM": RFGSM}
    names |= {"R+LLC": RLLC, "LLC": LLC, "ILLC": ILLC}
    assert {name: ATTACKS.get(name) for name in names} == names
