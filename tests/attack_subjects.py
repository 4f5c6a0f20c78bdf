"""What attacks are tried on: a threat model of each kind, and models that offer what they need."""

import math
from functools import cache

import numpy as np
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF
from torch import nn

from roadworthy.attacks.threats.deformation import Deformation
from roadworthy.attacks.threats.laser_beam import LaserBeam
from roadworthy.attacks.threats.negative import Negative
from roadworthy.attacks.threats.patch import Patch
from roadworthy.attacks.threats.phantom import Phantom
from roadworthy.attacks.threats.rotation_translation import RotationTranslation
from roadworthy.attacks.threats.table import Column, TableRules
from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.model import Model, ModelSpec, Offer
from roadworthy.core.threat import Ball, Threat
from roadworthy.frameworks import wrap_model
from tests.models import GRADED, LinearModel

CLASSES = 4
RULES = (
    *[Column(scale=0.5)] * 7,
    *[Column(down=float("inf")), Column(up=float("inf"))] * 2,
    Column(up=float("inf"), down=float("inf")),
    *[Column(step=0.25, low=0.0, high=1.0)] * 3,
    Column(codes=2),
    *[Column(group="color")] * 4,
)
THREATS: dict[str, Threat] = {
    "linf": Ball("linf", 0.1),
    "l2": Ball("l2", 1.0),
    "l1": Ball("l1", 10.0),
    "l0": Ball("l0", 20.0),
    "deformation": Deformation(),
    "negative": Negative(),
    "laser-beam": LaserBeam(),
    "patch": Patch(side=4),
    "phantom": Phantom(),
    "rotation-translation": RotationTranslation(),
    "table": TableRules(1.0, RULES),
}
# settings that make an attack cheap enough for a test, by its name
USUAL: dict[str, dict] = {
    "feature-search": {"steps": 8, "width": 2, "probes": 80},
    "auto-attack": {"steps": 10, "queries": 30},
    "boundary": {"steps": 250},
    "cw-linf": {"steps": 200, "patience": 25},
    "gen-attack": {"steps": 200},
    "hclu": {"confidence": 0.5, "iterations": 20},  # so few rows leave the process unsure
    "hop-skip-jump": {"steps": 10},
    "local-search": {"steps": 40},
    "newtonfool": {"steps": 400},  # its steps are short where few features can move
    "opt-margin": {"steps": 40, "searches": 2, "directions": 6},
    "pointwise": {"steps": 60},
    "rays": {"steps": 400},
    "salt-and-pepper": {"steps": 120},
    "spsa": {"steps": 30, "directions": 16},
    "stadv": {"searches": 2, "length": 20},
    "surfree": {"steps": 1000},
    "vmi-fgsm": {"neighbors": 4},
    "zoo": {"steps": 80, "coordinates": 32},
}
# how much farther than the nearest error of a linear model it may end, where that is not 5 %: a
# search that sees only labels or single features comes less near
NEAR: dict[str, float] = {
    "boundary": 1.6,
    "hop-skip-jump": 1.1,
    "jsma": 2.0,  # it moves features in pairs
    "pointwise": 30.0,  # its end is minimal feature by feature, not near
    "rays": 1.15,
    "salt-and-pepper": 30.0,
    "zoo": 1.1,
}


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Network(Model):
    """Two random layers around a dropout, so that the training mode would show."""

    def __init__(self, offers=GRADED | {Offer.EMBEDDINGS}, shape=(3, 8, 8)):
        super().__init__(ModelSpec("net", Task.NOMINAL, shape, CLASSES, offers, "net"))
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.module = nn.Sequential(
                nn.Flatten(),
                nn.Linear(math.prod(shape), 16),
                nn.Dropout(),
                nn.Tanh(),
                nn.Linear(16, CLASSES),
            )

    def forward(self, x):
        return self.module.eval()(x)

    def features(self, x):
        return self.module.eval()[:-1](x)


def subject(attack, n=8):
    """Give a model that offers what the attack needs, images, and what the model says of them."""
    if Offer.UNCERTAINTY in attack.needs:
        model, x = gaussian_process(), draw(n, 6, seed=1).sigmoid()
    elif Offer.TREES in attack.needs:
        model, x = (
            forest(1 if attack.card.name == "decision-tree" else 3),
            draw(n, 6, seed=1).sigmoid(),
        )
    elif attack.threats == {"table"}:
        model, x = Network(shape=(20,)), rows_of_rules(n)
    else:
        model, x = Network(), draw(n, 3, 8, 8, seed=1).sigmoid()
    with torch.no_grad():
        return model, x, model.forward(x).argmax(1)


def rows_of_rules(n):
    """Give rows that keep to the rules."""
    x = draw(n, len(RULES), seed=1).sigmoid()
    x[:, 12:15] = (4 * x[:, 12:15]).round() / 4
    x[:, 15] = x[:, 15].round()
    x[:, 16:] = nn.functional.one_hot(x[:, 16:].argmax(1), 4).to(x)
    return x


def rows_of_six():
    """Give a dataset of six numbers between 0 and 1 and four classes."""
    x, w = draw(200, 6, seed=4).sigmoid(), draw(6, CLASSES, seed=5)
    y, ids = ((x - 0.5) @ w).argmax(1), torch.arange(200)
    splits = Split("train", x, y, ids), Split("test", x, y, ids)
    return Dataset("rows", Task.NOMINAL, tuple("abcd"), splits)


@cache
def fitted_process():
    """Fit a Gaussian process on some of the rows, with a kernel that is given."""
    data = rows_of_six()
    estimator = GaussianProcessClassifier(100.0 * RBF(0.7), optimizer=None)
    return estimator.fit(data.train.x[:60].numpy(), data.train.y[:60].numpy()), data


def gaussian_process():
    """Give a fresh model that knows how sure it is."""
    return wrap_model(*fitted_process())


@cache
def grown(trees):
    """Grow trees on some rows."""
    data = rows_of_six()
    estimator = RandomForestClassifier(trees, max_depth=4, bootstrap=trees > 1, random_state=0)
    return estimator.fit(data.train.x.numpy(), data.train.y.numpy()), data


def forest(trees):
    """Give a fresh model of decision trees."""
    return wrap_model(*grown(trees))


def pool(attack):
    """Give other inputs and their classes to an attack that starts from one, else None."""
    return others(attack) if attack.takes_guide else None


def others(attack):
    """Give other inputs and their classes."""
    model, x, _ = subject(attack)
    shape = x.shape[1:]
    inputs = draw(200, *shape, seed=9).sigmoid() if len(shape) == 3 else draw(200, *shape, seed=9)
    if (
        isinstance(model, Network) and len(shape) == 3
    ):  # all of its classes occur only along its first weights
        along = 16 * draw(200, 16, seed=9) @ model.module[1].weight.detach()
        inputs = along.sigmoid().reshape(-1, *shape)
    with torch.no_grad():
        return inputs, model.forward(inputs).argmax(1)


def linear(shape, n, unit=None):
    """Give a two-class linear model, rows, and their exact distances to the other class.

    An image's weights are the same within each quarter and channel: a search by squares that need
    not find single pixels is asked for no more than it promises.
    """
    w = draw(*shape[:1], *[2] * (len(shape) - 1), seed=2)
    for axis in range(1, len(shape)):
        w = w.repeat_interleave(shape[axis] // 2, axis)
    x = draw(n, *shape, seed=3)
    margin = x.flatten(1) @ w.flatten()
    x = x * (1 + 0.5 / margin.abs()).reshape(-1, *[1] * len(shape))  # none lies on the boundary
    margin = x.flatten(1) @ w.flatten()
    weight = torch.stack([w.flatten(), torch.zeros(w.numel())], 1)
    slope = (w if unit is None else w * unit).flatten()
    distance = {
        "linf": margin.abs() / slope.abs().sum(),
        "l2": margin.abs() / slope.norm(),
        "l1": margin.abs() / slope.abs().amax(),
        "l0": torch.ones(n),  # the box is wide: one feature can do it
    }
    return LinearModel(weight, torch.zeros(2), shape), x, (margin < 0).long(), distance


class TrainedCNN(Model):
    """A small CNN that was trained on scikit-learn's digits, 10 classes, (1, 8, 8)."""

    def __init__(self, module):
        super().__init__(ModelSpec("digits", Task.NOMINAL, (1, 8, 8), 10, GRADED, "digits"))
        self.module = module.eval().requires_grad_(False)

    def forward(self, x):
        return self.module(x)


@cache
def trained():
    """Give the CNN, 40 test images that it gets right, and their classes."""
    from sklearn.datasets import load_digits

    data = load_digits()
    x = torch.tensor(data.images[:, None] / 16, dtype=torch.float32)
    y = torch.tensor(data.target)
    order = torch.tensor(np.random.default_rng(0).permutation(len(x)))
    train, test = order[:1400], order[1400:]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = nn.Sequential(
            *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10)),
        )
        optimizer = torch.optim.Adam(module.parameters(), 3e-3)
        for _ in range(8):
            for rows in train[torch.randperm(len(train))].split(64):
                loss = nn.functional.cross_entropy(module(x[rows]), y[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    model = TrainedCNN(module)
    with torch.no_grad():
        right = test[model.forward(x[test]).argmax(1) == y[test]][:40]
    return model, x[right], y[right]
