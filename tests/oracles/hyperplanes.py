"""Linear models whose nearest errors are known in closed form."""

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
