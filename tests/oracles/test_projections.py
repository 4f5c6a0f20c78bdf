"""Projections against a general solver of small problems."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import linprog, minimize

from roadworthy.attacks.projections import onto_l1_and_box, to_hyperplane
from roadworthy.core.attack import State
from roadworthy.core.streams import Streams
from roadworthy.core.threat import Ball

SIZE = 6
ROWS = 12


def state(seed=0):
    """Give inputs in a box, some of them at its edge."""
    draw = np.random.default_rng(seed).uniform
    low, high = -draw(0, 1, (ROWS, SIZE)), draw(0, 1, (ROWS, SIZE))
    low[::3, :2], high[1::3, 3:] = 0, 0
    zeros = torch.zeros(ROWS, SIZE, dtype=torch.float64)
    return State(
        x=zeros,
        origin=zeros,
        y=torch.zeros(ROWS, dtype=torch.int64),
        sign=torch.ones(ROWS, dtype=torch.float64),
        low=torch.tensor(low),
        high=torch.tensor(high),
        streams=Streams.of(0, torch.arange(ROWS)),
        theta=zeros[:, :0],
        finished=torch.zeros(ROWS, dtype=torch.bool),
        copy=torch.zeros(ROWS, dtype=torch.int64),
        guide=None,
    )


def farthest(direction, low, high, radius):
    """Give the largest product with a direction in ball and box, by the change's two parts."""
    return -linprog(
        np.concatenate([-direction, direction]),
        A_ub=np.ones((1, 2 * SIZE)),
        b_ub=[radius],
        bounds=[(0, end) for end in np.concatenate([high, -low])],
    ).fun


@pytest.mark.parametrize("radius", [0.1, 1.0, 9.0])
def test_the_projection_onto_l1_and_box_is_the_nearest_point(radius):
    start = state()
    points = torch.tensor(np.random.default_rng(1).normal(size=(ROWS, SIZE)))
    held = onto_l1_and_box(points, start, Ball("l1", radius))
    assert (held == start.box(held)).all()
    assert (held.abs().sum(1) <= radius * (1 + 1e-9)).all()
    for row in range(ROWS):
        # a point of a convex set is the nearest one if no other lies farther on the way to there
        way = (points[row] - held[row]).numpy()
        box = start.low[row].numpy(), start.high[row].numpy()
        assert way @ held[row].numpy() == pytest.approx(farthest(way, *box, radius), abs=1e-8)


def test_the_projection_onto_l1_and_box_counts_in_units_of_each_feature():
    start, scale = state(), (0.5, 1.0, 2.0, 0.5, 1.0, 2.0)
    unit = torch.tensor(scale, dtype=torch.float64)
    points = torch.tensor(np.random.default_rng(2).normal(size=(ROWS, SIZE)))
    held = onto_l1_and_box(points, start, Ball("l1", 0.7, scale))
    in_units = replace(start, low=start.low / unit, high=start.high / unit)
    expected = onto_l1_and_box(points / unit, in_units, Ball("l1", 0.7)) * unit
    torch.testing.assert_close(held, expected)


def shortest(norm, slope, gain, low, high):
    """Give the length of the shortest change in the box that raises a linear function by `gain`."""
    if norm == "l2":
        found = minimize(
            lambda change: (change**2).sum(),
            np.zeros(SIZE),
            jac=lambda change: 2 * change,
            bounds=list(zip(low, high, strict=True)),
            constraints={"type": "eq", "fun": lambda change: slope @ change - gain},
            method="SLSQP",
            options={"maxiter": 300, "ftol": 1e-14},
        )
        return np.sqrt(found.fun)
    if norm == "l1":
        found = linprog(
            np.ones(2 * SIZE),
            A_eq=np.concatenate([slope, -slope])[None],
            b_eq=[gain],
            bounds=[(0, end) for end in np.concatenate([high, -low])],
        )
        return found.fun
    sides = np.concatenate([np.eye(SIZE), -np.eye(SIZE)])
    found = linprog(
        np.eye(SIZE + 1)[-1],
        A_ub=np.concatenate([sides, -np.ones((2 * SIZE, 1))], 1),
        b_ub=np.zeros(2 * SIZE),
        A_eq=np.append(slope, 0)[None],
        b_eq=[gain],
        bounds=[*zip(low, high, strict=True), (0, None)],
    )
    return found.fun


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_change_to_a_hyperplane_is_the_shortest_in_the_box(norm, sign):
    start, threat = state(), Ball(norm, 1.0)
    slope = torch.tensor(np.random.default_rng(3).normal(size=(ROWS, SIZE)))
    slope[:, 4] = 0
    most = torch.maximum(sign * slope * start.low, sign * slope * start.high).sum(1)
    gain = sign * 0.6 * most
    change = to_hyperplane(slope, gain, start.x, start, threat)
    torch.testing.assert_close((slope * change).sum(1), gain)
    assert (change == start.box(change)).all()
    for row in range(ROWS):
        box = start.low[row].numpy(), start.high[row].numpy()
        expected = shortest(norm, slope[row].numpy(), float(gain[row]), *box)
        assert float(threat.distance(change)[row]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_a_hyperplane_beyond_the_box_is_approached_as_far_as_the_box_goes(norm):
    start = state()
    slope = torch.tensor(np.random.default_rng(4).normal(size=(ROWS, SIZE)))
    gain = torch.full((ROWS,), 100.0, dtype=torch.float64)
    change = to_hyperplane(slope, gain, start.x, start, Ball(norm, 1.0))
    corner = torch.where(slope > 0, start.high, start.low)
    torch.testing.assert_close(change, corner)
