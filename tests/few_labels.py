"""Tasks of which a handful of rows have a target, and what a training makes of them."""

from functools import cache

import numpy as np
import torch
from sklearn.datasets import make_blobs, make_moons

from roadworthy.core.progress import Silent
from roadworthy.recipes import CNN, MLP
from roadworthy.sources import make_dataset
from roadworthy.training.trained import defended

PER_CLASS = 3


def moons(seed, rows=900):
    """Two crescents that hold each other."""
    return _divided(*make_moons(rows, noise=0.1, random_state=seed))


def blobs(seed, rows=900):
    """Three clouds in ten dimensions that overlap a little."""
    centers = np.random.default_rng(seed).normal(size=(3, 10))
    return _divided(*make_blobs(rows, centers=centers, random_state=seed))


def strokes(seed, rows=609):
    """Lying, standing and crossed strokes at random places."""
    generator, y, places = np.random.default_rng(seed), np.arange(rows) % 3, np.arange(12)
    down, right = generator.integers(3, 9, (2, rows, 1))
    lying = (places == down)[:, :, None] & (abs(places - right) <= 3)[:, None, :]
    standing = (abs(places - down) <= 3)[:, :, None] & (places == right)[:, None, :]
    which = y[:, None, None]
    drawn = np.where(which == 0, lying, np.where(which == 1, standing, lying | standing))
    noise = 0.15 * generator.random((rows, 12, 12))
    return _divided((0.8 * drawn + noise)[:, None], y, test=300)


def _divided(x, y, test=400):
    """Give a target to three rows of each class; the last rows are the test."""
    classes, pool = int(y.max()) + 1, len(y) - test
    picked = [np.flatnonzero(y[:pool] == k)[:PER_CLASS] for k in range(classes)]
    labelled = np.concatenate(picked)
    rest = np.setdiff1d(np.arange(pool), labelled)
    x = x.astype("float32")
    return make_dataset(x[labelled], y[labelled], test=(x[pool:], y[pool:]), unlabelled=x[rest])


@cache
def accuracies(task, *strategies, seeds=3, **settings):
    """Train on a task by each seed: (seeds,)."""
    torch.set_num_threads(1)
    found = []
    for seed in range(seeds):
        data = task(seed)
        if data.kind == "image":
            recipe = CNN(**{"width": 8, "hidden": 32, "epochs": 150, "batch": 9, **settings})
        else:
            recipe = MLP(**{"width": 32, "epochs": 300, "batch": 16, "rate": 5e-3, **settings})
        model = defended(recipe, strategies).fit(data, data.train, seed, Silent())
        found.append(float((model(data.test.x).argmax(1) == data.test.y).float().mean()))
    return np.array(found)


def small_batch(strategy, unlabelled=6, progress=0.5, classes=3, columns=4):
    """Give a plan as a strategy changes it, a linear network and a batch that it learns from."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(30, columns, generator=generator)
    y = torch.arange(30) % classes
    more = torch.randn(unlabelled, columns, generator=generator)
    data = make_dataset(x, y, test=(x[:6], y[:6]), unlabelled=more)
    plan = MLP(width=4, epochs=3).plan(data, data.train, 0)
    plan = strategy.apply(plan, Silent())
    network = torch.nn.Linear(columns, classes)
    with torch.no_grad():
        network.weight.copy_(2 * torch.randn(classes, columns, generator=generator))
    rows = torch.arange(5)
    beside = {name: make(network) for name, make in plan.beside.items()}
    torch.manual_seed(2)
    batch = plan.batch(
        data.train.x[rows],
        data.train.y[rows],
        rows,
        progress,
        unlabelled=data.unlabelled.x,
        beside=beside,
    )
    return plan, network, batch


def value(plan, network, batch, seed=3):
    """Give the objective's value, with the random numbers of a seed."""
    torch.manual_seed(seed)
    return float(plan.objective(network, batch).detach())
