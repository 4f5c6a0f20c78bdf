"""Constrained adaptive PGD against a linear program's optimum, and against every row of a grid."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from roadworthy.attacks import CAPGD
from roadworthy.attacks.threats.table import NEVER, Column, TableRules
from roadworthy.core.driver import run_attack
from tests.models import LinearModel
from tests.table_columns import random_columns

WIDE = (torch.tensor(-50.0), torch.tensor(50.0))


def draw(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def two_classes(slope, lead):
    """Give a model whose class 1 leads by `slope` x - `lead`."""
    weight = torch.stack([torch.zeros_like(slope), slope], 1)
    return LinearModel(weight, torch.tensor([float(lead), 0.0]), slope.shape)


def most(slope, columns, origin, eps):
    """Solve for how much a linear function can rise at a cost of `eps`: up and down are variables.

    A category is not among the columns.
    """
    up, down = ([min(getattr(c, side) / c.scale, 1e9) for c in columns] for side in ("up", "down"))
    rooms = [(0, c.high - o) for c, o in zip(columns, origin, strict=True)]
    rooms += [(0, o - c.low) for c, o in zip(columns, origin, strict=True)]
    found = linprog(np.concatenate([-slope, slope]), A_ub=[[*up, *down]], b_ub=[eps], bounds=rooms)
    return -found.fun


@pytest.mark.parametrize("seed", range(4))
def test_it_reaches_the_optimum_of_the_linear_program(seed):
    columns = random_columns(seed)
    slope, origin = draw(12, seed=seed), torch.zeros(12)
    best = most(slope.numpy(), columns, origin.tolist(), 2.0)
    for share, is_in_reach in ((0.97, True), (1.02, False)):
        model = two_classes(slope, share * best)
        rows, label = origin[None], torch.tensor([0])
        result = run_attack(CAPGD(), model, rows, label, TableRules(2.0, columns), bounds=WIDE)
        assert bool(result.success[0]) == is_in_reach


def test_it_finds_what_a_grid_of_whole_numbers_and_categories_holds():
    columns = (
        *[Column(step=1.0, low=0.0, high=3.0)] * 2,
        Column(step=1.0, low=0.0, high=3.0, down=NEVER, up=0.7),
        *[Column(group="color", change=1.5)] * 3,
    )
    table = TableRules(3.0, columns)
    grid = [
        [*numbers, *color]
        for numbers in product(range(4), repeat=3)
        for color in np.eye(3).tolist()
    ]
    grid = torch.tensor(grid)
    origin = torch.tensor([1.0, 2.0, 1.0, 1.0, 0.0, 0.0]).expand(len(grid), -1)
    in_reach = table.allows(table.size(origin, grid, grid[:, :0]))
    slopes = draw(40, 6, seed=0)
    clean = slopes @ origin[0]
    best = (slopes @ grid[in_reach].T).amax(1)
    # one model for each row: it reads off its columns what the row's own slope gives
    found = 0
    for slope, lead in zip(slopes, clean + 0.95 * (best - clean), strict=True):
        model = two_classes(slope, lead)
        result = run_attack(CAPGD(), model, origin[:1], torch.tensor([0]), table, bounds=WIDE)
        found += int(result.success)
    assert found >= 32
