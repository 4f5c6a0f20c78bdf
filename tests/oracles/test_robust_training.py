"""What strategies promise, on digits: that PGD takes less from a model that was trained so."""

import pytest
import torch

import roadworthy as rw
from roadworthy.attacks import PGD
from roadworthy.core.progress import Silent
from roadworthy.core.threat import Ball
from roadworthy.recipes import DigitsCNN
from roadworthy.strategies import (
    EAT,
    MART,
    TRADES,
    AdversarialTraining,
    AugMix,
    FastAdversarialTraining,
    GradientRegularization,
)
from roadworthy.training.trained import defended

pytestmark = pytest.mark.slow
DIGITS = rw.load_dataset("digits")
ROWS = 150  # of the test split; a share of 0.5 among them has a standard error of 0.04


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def fit(*strategies, epochs=4):
    recipe = DigitsCNN(epochs=epochs)
    changed = defended(recipe, strategies) if strategies else recipe
    return changed.fit(DIGITS, DIGITS.train, 0, Silent())


def robust_accuracy(model, eps):
    x, y = DIGITS.test.x[:ROWS], DIGITS.test.y[:ROWS]
    near = PGD()(model, x, y, Ball("linf", eps)).x
    return float((model(near).argmax(1) == y).float().mean())


def accuracy(model, x):
    return float((model(x).argmax(1) == DIGITS.test.y).float().mean())


@pytest.fixture(scope="module")
def plain():
    return fit()


@pytest.mark.parametrize(
    ("strategy", "gain"),
    [
        (AdversarialTraining(eps=0.1), 0.2),
        (TRADES(eps=0.1), 0.2),
        (MART(eps=0.1), 0.2),
        (FastAdversarialTraining(eps=0.1), 0.2),
        (GradientRegularization(weight=0.3), 0.1),
        (EAT(eps=0.1), 0.05),
    ],
    ids=lambda value: getattr(getattr(value, "card", None), "name", ""),
)
def test_pgd_takes_less_than_from_plain_training(plain, strategy, gain):
    model = fit(strategy)
    assert accuracy(model, DIGITS.test.x) > 0.93
    assert robust_accuracy(model, 0.1) > robust_accuracy(plain, 0.1) + gain


def test_the_guard_saves_fast_training_from_catastrophic_overfitting():
    fast = {"eps": 0.3, "warm_up": 0.1}
    alone = fit(FastAdversarialTraining(**fast, watch=0), epochs=10)
    guarded = fit(FastAdversarialTraining(**fast), epochs=10)
    assert robust_accuracy(guarded, 0.3) > robust_accuracy(alone, 0.3) + 0.1


def test_augmix_steadies_the_answers_to_blurred_images(plain):
    blurred = torch.nn.functional.avg_pool2d(DIGITS.test.x, 3, 1, 1)
    assert accuracy(fit(AugMix()), blurred) > accuracy(plain, blurred) + 0.05
