"""Attacks made to transfer: their steps by hand, and what carries over between networks."""

from functools import cache

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from roadworthy.attacks import (
    DIFGSM,
    MIFGSM,
    NIFGSM,
    PGD,
    SINIFGSM,
    TIFGSM,
    VMIFGSM,
)
from roadworthy.attacks.surrogates import Fused
from roadworthy.core.driver import run_attack
from roadworthy.core.errors import InputError
from roadworthy.core.model import PassCount
from roadworthy.core.streams import Streams
from roadworthy.core.threat import Ball
from tests.attack_subjects import TrainedCNN, draw, trained
from tests.models import LinearModel

EPS = 0.25
MADE_TO_TRANSFER = [MIFGSM(), NIFGSM(), SINIFGSM(), DIFGSM(), TIFGSM(), VMIFGSM()]


@cache
def surrogates():
    """Give two networks of other shapes than the trained one, fitted on its training images."""
    data = load_digits()
    x = torch.tensor(data.images[:, None] / 16, dtype=torch.float32)
    y = torch.tensor(data.target)
    rows = torch.tensor(np.random.default_rng(0).permutation(len(x)))[:1400]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        networks = [
            nn.Sequential(
                *(nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU()),
                *(nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)),
            ),
            nn.Sequential(
                *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1)),
                *(nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10)),
            ),
        ]
        for network in networks:
            optimizer = torch.optim.Adam(network.parameters(), 3e-3)
            for _ in range(15):
                for some in rows[torch.randperm(len(rows))].split(64):
                    loss = nn.functional.cross_entropy(network(x[some]), y[some])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
    return tuple(TrainedCNN(network) for network in networks)


def carried_over(attack, surrogate):
    model, x, y = trained()
    result = run_attack(attack, model, x, y, Ball("linf", EPS), surrogate=surrogate)
    return int(result.success.sum())


@pytest.mark.parametrize("attack", MADE_TO_TRANSFER, ids=lambda attack: attack.card.name)
def test_it_carries_over_at_least_as_well_as_pgd(attack):
    sources = (*surrogates(), Fused(surrogates()))
    # of 120: 40 images from each source
    ours, pgd = (
        sum(carried_over(one, source) for source in sources)
        for one in (attack, PGD(steps=attack.steps))
    )
    assert ours >= pgd >= 60


def test_fused_surrogates_carry_over_better_than_their_mean():
    single = [carried_over(MIFGSM(), surrogate) for surrogate in surrogates()]
    assert carried_over(MIFGSM(), Fused(surrogates())) >= sum(single) / 2


@pytest.mark.parametrize("attack", MADE_TO_TRANSFER, ids=lambda attack: attack.card.name)
def test_the_attacked_model_is_asked_twice_only(attack):
    model, x, y = trained()
    model.passes = PassCount()
    result = run_attack(attack, model, x, y, Ball("linf", EPS), surrogate=surrogates()[0])
    # the clean look, the result; a verification of what succeeded
    assert torch.equal(result.forward, 2 + result.success.long())
    assert model.passes == PassCount(forward=int(result.forward.sum()), backward=0)


def test_fused_logits_are_the_weighted_mean():
    first, second = surrogates()
    x = draw(3, 1, 8, 8).sigmoid()
    fused = Fused([first, second], [0.25, 0.75])
    assert torch.allclose(fused(x), 0.25 * first(x) + 0.75 * second(x), atol=1e-6)
    assert torch.allclose(Fused([first, second])(x), (first(x) + second(x)) / 2, atol=1e-6)
    assert fused.spec.fingerprint != Fused([first, second]).spec.fingerprint


def test_only_models_of_the_same_inputs_and_classes_are_fused():
    first, other = surrogates()[0], LinearModel(torch.eye(3), torch.zeros(3), (3,))
    with pytest.raises(InputError, match="differ in their inputs or classes"):
        Fused([first, other])
    with pytest.raises(InputError, match="there is no model"):
        Fused([])
    with pytest.raises(InputError, match="adding up to 1"):
        Fused([first, first], [0.5, 0.6])


class Curved(LinearModel):
    """Two features deep, always class 0, with a gradient that turns from place to place."""

    def forward(self, x):
        self.last = x.detach()
        waves = torch.sin(3 * x @ self.weight) + x @ self.weight
        return waves + self.bias


def curved():
    return Curved(draw(4, 3, seed=8), torch.tensor([50.0, 0.0, 0.0]), (4,))


def slope(x):
    """Give the cross-entropy's gradient at points (M, 4) in 64 bits, up to its length."""
    weight, bias = curved().weight.double(), curved().bias.double()
    point = x.clone().requires_grad_()
    logits = torch.sin(3 * point @ weight) + point @ weight + bias
    others = logits[:, 1:].logsumexp(1) - logits[:, 0]
    (gradient,) = torch.autograd.grad(others.sum(), point)
    return gradient


def end_of(attack, x, eps):
    model = curved()
    run_attack(attack, model, x, torch.zeros(len(x)).long(), Ball("linf", eps))
    return model.last.double()


def by_hand(x, eps, gradient, steps=4, mu=0.8, is_ahead=True):
    """Iterate the paper's equations; `gradient` is that of the point (1, 4) that is looked at."""
    low, high = (x - eps).clamp_min(0), (x + eps).clamp_max(1)
    at, velocity = x.clone(), torch.zeros_like(x)
    for _ in range(steps):
        point = at + is_ahead * mu * eps / steps * velocity
        new = gradient(point.clamp(low, high))
        velocity = mu * velocity + new / new.abs().sum()
        at = (at + eps / steps * velocity.sign()).clamp(low, high)
    return at


def test_nesterov_follows_the_paper_by_hand():
    x = draw(5, 4, seed=9).sigmoid()
    end = end_of(NIFGSM(steps=4, rel_step=0.25, mu=0.8), x, 0.3)
    for row in range(5):
        expected = by_hand(x[row : row + 1].double(), 0.3, slope)
        assert torch.allclose(end[row : row + 1], expected, atol=1e-5)


def test_scales_follow_the_paper_by_hand():
    def mean_of_scales(point):
        return sum(slope(point / 2**i) / 2**i for i in range(3)) / 3

    x = draw(5, 4, seed=9).sigmoid()
    end = end_of(SINIFGSM(steps=4, rel_step=0.25, mu=0.8, scales=3), x, 0.3)
    for row in range(5):
        expected = by_hand(x[row : row + 1].double(), 0.3, mean_of_scales)
        assert torch.allclose(end[row : row + 1], expected, atol=1e-5)


def test_variance_tuning_follows_the_paper_by_hand():
    x, eps, steps, mu = draw(3, 4, seed=9).sigmoid(), 0.3, 4, 0.8
    end = end_of(VMIFGSM(steps=steps, rel_step=1 / steps, mu=mu, neighbors=5, beta=1.0), x, eps)
    streams = Streams.of(0, torch.arange(3))
    low, high = (x - eps).clamp_min(0).double(), (x + eps).clamp_max(1).double()
    at, velocity, variance = x.double(), torch.zeros(3, 4).double(), torch.zeros(3, 4).double()
    for _ in range(steps):
        tuned = slope(at) + variance
        velocity = mu * velocity + tuned / tuned.abs().sum(1, keepdim=True)
        noise = (2 * streams.uniform((5, 4), torch.float32).double() - 1) * eps
        around = torch.stack([slope(at + noise[:, index]) for index in range(5)])
        variance = around.mean(0) - slope(at)
        at = (at + eps / steps * velocity.sign()).clamp(low, high)
    assert torch.allclose(end, at, atol=1e-5)


def test_blurring_is_the_mean_over_shifted_images():
    gradient = torch.zeros(1, 1, 9, 9)
    gradient[0, 0, 4, 4], gradient[0, 0, 0, 0] = 1.0, -2.0
    blurred = TIFGSM(reach=0.5)._blurred(gradient)[0, 0]
    expected = torch.zeros(9, 9)
    weight = {
        (down, across): np.exp(-(down**2 + across**2) / (2 * 0.8**2))
        for down in range(-2, 3)
        for across in range(-2, 3)
    }
    for (down, across), w in weight.items():
        expected[4 + down, 4 + across] += w
        if down >= 0 and across >= 0:
            expected[down, across] -= 2 * w
    assert torch.allclose(blurred, expected / sum(weight.values()), atol=1e-6)


def test_diverse_inputs_are_smaller_and_elsewhere():
    attack, x = DIFGSM(probability=1.0, smallest=0.5), torch.ones(200, 1, 20, 20)
    grid = attack._grid(Streams.of(0, torch.arange(200)), x)
    seen = nn.functional.grid_sample(x, grid, align_corners=False)[:, 0]
    side = seen.amax(1).sum(1)  # lit columns
    assert side.min() < 11.5
    assert side.max() > 18.5
    assert (side - seen.amax(2).sum(1)).abs().max() < 1.5  # as high as wide
    left = (seen.amax(1) > 0.5).int().argmax(1)
    assert left.max() > 7
    assert left.min() == 0
    assert torch.allclose(seen.sum((1, 2)), side**2, rtol=0.25)


def test_unchanged_diverse_inputs_are_those_of_plain_momentum():
    model, x, y = trained()
    threat = Ball("linf", 0.1)
    attacks = DIFGSM(probability=0.0), MIFGSM()
    diverse, plain = (attack(model, x, y, threat) for attack in attacks)
    assert torch.equal(diverse.reason, plain.reason)
    assert torch.allclose(diverse.x, plain.x, atol=1e-5)
