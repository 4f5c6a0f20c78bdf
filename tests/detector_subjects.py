"""Detectors on two features and a marker, where it can be said by hand what gets past them.

Class 1 is where the first two features sum to more than 0; the marker is far from 0, on the side of
the row's own class, so that no small change moves it over.
"""

from dataclasses import dataclass

import torch

from roadworthy.core.artifact import Bench, Store, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Feature, Split, Task
from roadworthy.core.detector import Detector
from tests.models import LinearModel

WEIGHT = 40 * torch.tensor([[0.0, 1.0], [0.0, 1.0], [0.0, 0.0]])


@dataclass(frozen=True)
class SecondFeature(Detector):
    """Watches the second feature alone: who moves the first one gets past it."""

    card = Card("second-feature", "The second feature")

    def scores(self, model, learned, x):
        return x[:, 1].abs()


@dataclass(frozen=True)
class Marker(Detector):
    """Compares the answer with the marker: no error gets past it."""

    card = Card("marker", "The marker")

    def scores(self, model, learned, x):
        outputs = model(x)
        return (outputs[:, 0] - outputs[:, 1]) * x[:, 2].sign()


def model():
    """Give a model whose logits are 0 and 40 times the sum of the first two features."""
    return LinearModel(WEIGHT, torch.zeros(2), (3,))


def split(name, n, seed):
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 2
    side = 2.0 * y - 1
    first = side * (0.05 + 0.2 * torch.rand(n, generator=generator))
    second = 0.04 * torch.rand(n, generator=generator) - 0.02
    return Split(name, torch.stack([first, second, 5 * side], 1), y, torch.arange(n))


def data():
    """Give rows whose distance from the boundary is drawn, and mostly along the first feature."""
    splits = split("train", 400, 0), split("test", 120, 1)
    features = tuple(Feature(name, low=-9.0, high=9.0) for name in ("first", "second", "marker"))
    return Dataset("two features", Task.NOMINAL, ("a", "b"), splits, features)


def bench(model):
    """Give a bench that keeps nothing."""
    return Bench(Subject(model, data()), Store(None))
