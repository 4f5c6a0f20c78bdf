"""A model of handwritten digits, and how well a guard holds for it against PGD."""

from functools import cache

import torch

from roadworthy.attacks import PGD
from roadworthy.core.driver import run_attack
from roadworthy.core.guard import protect
from roadworthy.core.progress import Silent
from roadworthy.core.threat import Ball
from roadworthy.recipes import DigitsCNN
from roadworthy.sources.builtin_datasets import Digits


@cache
def digits():
    """Give the data, a CNN, and 60 test images with their classes that it gets right."""
    data = Digits().load()
    model = DigitsCNN().fit(data, data.train, 0, Silent())
    with torch.no_grad():
        right = (model(data.test.x).argmax(1) == data.test.y).nonzero()[:60, 0]
    return data, model, data.test.x[right], data.test.y[right]


@cache
def undefended(eps, steps=20, rows=60):
    """Give the share of images on which the model without a guard stays right under PGD."""
    _, model, x, y = digits()
    found = run_attack(PGD(steps=steps), model, x[:rows], y[:rows], Ball("linf", eps))
    return 1 - float(found.success.double().mean())


def held(guard, eps, steps=20, rows=60):
    """Give the shares of images on which the guarded model stays right.

    Returns:
        Without an attack, under PGD on the model without its guard, and under PGD that knows it.
    """
    data, model, x, y = digits()
    x, y = x[:rows], y[:rows]
    guarded, threat, pgd = protect(model, guard, data), Ball("linf", eps), PGD(steps=steps)
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        clean = float((guarded(x).argmax(1) == y).double().mean())
    static = run_attack(pgd, guarded, x, y, threat, surrogate=model)
    knowing = run_attack(pgd, guarded, x, y, threat)
    return clean, *(1 - float(found.success.double().mean()) for found in (static, knowing))
