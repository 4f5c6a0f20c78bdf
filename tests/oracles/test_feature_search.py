"""Feature search against every row of a grid, a linear program, and a forest on real rows."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from sklearn.ensemble import RandomForestClassifier

import roadworthy as rw
from roadworthy.attacks import CAPGD, FeatureSearch
from roadworthy.attacks.threats.table import NEVER, Column, TableRules
from roadworthy.core.dataset import Task
from roadworthy.core.driver import run_attack
from roadworthy.core.model import Model, ModelSpec, Offer
from tests.models import LinearModel
from tests.table_columns import random_columns

WIDE = (torch.tensor(-50.0), torch.tensor(50.0))
GRID = TableRules(
    3.0,
    (
        Column(step=1.0, low=0.0, high=3.0),
        Column(step=1.0, low=0.0, high=3.0, up=0.4),
        Column(step=1.0, low=0.0, high=3.0, down=NEVER),
        Column(codes=4, change=1.5),
        *[Column(group="color", change=0.8)] * 3,
    ),
)
COLORS = np.eye(3).tolist()
EVERY_ROW = torch.tensor(
    [[*numbers, *color] for numbers in product(range(4), repeat=4) for color in COLORS]
)


def draw(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Smooth(Model):
    """Scores of random waves over the columns: categories count by their code's own number."""

    def __init__(self, seed):
        offers = frozenset({Offer.LABELS, Offer.SCORES})
        super().__init__(ModelSpec("waves", Task.NOMINAL, (7,), 3, offers, f"waves {seed}"))
        self.first, self.last = draw(10, 16, seed=seed), draw(16, 3, seed=seed + 1)

    def forward(self, x):
        code = torch.nn.functional.one_hot(x[:, 3].long().clamp(0, 3), 4).to(x)
        inputs = torch.cat([x[:, :3] / 3, code, x[:, 4:]], 1)
        return (inputs @ self.first).sin() @ self.last


def test_it_comes_near_the_cheapest_error_of_a_grid():
    ratios = []
    for seed in range(0, 40, 2):
        model = Smooth(seed)
        origin = EVERY_ROW[
            torch.randperm(len(EVERY_ROW), generator=torch.Generator().manual_seed(seed))[:4]
        ]
        y = model.forward(origin).argmax(1)
        result = run_attack(FeatureSearch(), model, origin, y, GRID, bounds=WIDE)
        said = model.forward(EVERY_ROW).argmax(1)
        for k in range(4):
            start = origin[k].expand_as(EVERY_ROW)
            cost = GRID.size(start, EVERY_ROW, EVERY_ROW[:, :0])
            ratios.append(float(result.distance[k] / cost[said != y[k]].amin()))
    ratios = np.array(ratios)
    assert (ratios >= 1 - 1e-5).all()
    assert (ratios <= 1 + 1e-5).mean() >= 0.95
    assert ratios.max() <= 1.5


@pytest.mark.parametrize("seed", range(4))
def test_it_comes_near_the_optimum_of_the_linear_program(seed):
    columns = random_columns(seed)
    slope = draw(12, seed=seed)
    weight = torch.stack([torch.zeros(12), slope], 1)
    rules = TableRules(2.0, columns)
    model = LinearModel(weight, torch.tensor([0.8, 0.0]), (12,))
    result = run_attack(
        FeatureSearch(), model, torch.zeros(1, 12), torch.tensor([0]), rules, bounds=WIDE
    )
    prices = [
        min(getattr(column, side) / column.scale, 1e9)
        for side in ("up", "down")
        for column in columns
    ]
    rise = np.concatenate([slope.numpy(), -slope.numpy()])
    least = linprog(prices, A_ub=-rise[None], b_ub=[-0.8], bounds=[(0, 0.5)] * 12 + [(0, 0.6)] * 12)
    assert least.success
    assert 1 - 1e-4 <= float(result.distance[0]) / least.fun <= 1.05


def test_it_beats_a_forest_where_gradients_are_none():
    data = rw.load_dataset("wine")
    forest = RandomForestClassifier(20, random_state=0)
    model = rw.wrap_model(forest.fit(data.train.x.numpy(), data.train.y.numpy()), data)
    x, y = data.test.x[:10], data.test.y[:10]
    rules = TableRules.of(data, immutable=["alcohol"])
    result = run_attack(FeatureSearch(), model, x, y, rules, bounds=data.bounds)
    assert result.success.all()
    assert torch.equal(result.x[:, 0], x[:, 0])
    is_whole = (data.train.x == data.train.x.round()).all(0)
    changed = (result.x != x)[:, is_whole]
    assert changed.any()
    assert torch.equal(result.x.round()[:, is_whole][changed], result.x[:, is_whole][changed])


def test_on_a_network_it_is_not_far_from_the_attack_with_gradients():
    data = rw.load_dataset("wine")
    model = rw.load_model("mlp", data)
    x, y = data.test.x[:20], data.test.y[:20]
    found = run_attack(FeatureSearch(), model, x, y, TableRules.of(data), bounds=data.bounds)
    for eps in (1.0, 2.0, 3.0):
        by_gradient = run_attack(CAPGD(), model, x, y, TableRules.of(data, eps), bounds=data.bounds)
        beaten = (found.distance <= eps * (1 + 1e-5)).sum()
        assert (beaten - by_gradient.success.sum()).abs() <= 1
