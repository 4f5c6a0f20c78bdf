"""Linear models whose nearest errors are known in closed form."""

from itertools import product

import torch

from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import draw
from tests.models import LinearModel

WIDE = (torch.tensor(-50.0), torch.tensor(50.0))
DUAL = {"linf": 1.0, "l2": 2.0, "l1": float("inf")}


def classes(norm, n=12, features=20, count=5):
    """Give a linear model of several classes, rows, their classes, and exact distances (N,).

    Only rows whose nearest plane is that of the class in second place are kept: a gradient leads
    there, and no local search promises more.
    """
    weight, bias, x = draw(features, count, seed=4), draw(count, seed=5), draw(n, features, seed=6)
    logits = x @ weight + bias
    y = logits.argmax(1)
    slopes = weight.T[None] - weight.T[y][:, None]
    gaps = (logits.gather(1, y[:, None]) - logits).scatter(1, y[:, None], float("inf"))
    planes = gaps / slopes.norm(p=DUAL[norm], dim=2)
    kept = planes.argmin(1) == gaps.argmin(1)
    return LinearModel(weight, bias, (features,)), x[kept], y[kept], planes.amin(1)[kept]


def excess(attack, norm):
    """Give by which factor (N,) an attack's errors are farther than the nearest ones."""
    model, x, y, distance = classes(norm)
    result = run_attack(attack, model, x, y, Ball(norm, 1.0), bounds=WIDE)
    assert result.success.all()
    return result.distance / distance


def boxed(n=16, features=10):
    """Give a linear model, rows in [0, 1] of its second class, and the fewest features (N,).

    The fewest that lead to the first class are found by trying every subset.
    """
    size = 0.5 + draw(features, seed=7).abs()
    slope = torch.where(draw(features, seed=9) > 0, size, -size)
    x = 0.3 + 0.4 * draw(n, features, seed=8).sigmoid()
    bias = 0.2 * size.sum() - 0.5 * slope.sum()
    logits = x @ slope + bias
    assert (logits > 0).all()
    gain = torch.where(slope > 0, x, 1 - x) * size  # by which a feature can lower the logit
    subsets = torch.tensor(list(product((0.0, 1.0), repeat=features)))
    does_it = gain @ subsets.T > logits[:, None]
    fewest = torch.where(does_it, subsets.sum(1), float("inf")).amin(1)
    weight = torch.stack([torch.zeros(features), slope], 1)
    model = LinearModel(weight, torch.stack([torch.zeros(()), bias]), (features,))
    return model, x, torch.ones(n, dtype=torch.int64), fewest
