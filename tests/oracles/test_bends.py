"""Curves of a column against scipy's smoothing spline."""

import numpy as np
import pytest
from scipy.interpolate import make_smoothing_spline

from roadworthy.causes import bends
from roadworthy.causes.bends import Bends

PENALTY = 0.3


@pytest.fixture
def column():
    generator = np.random.default_rng(0)
    x = np.sort(generator.normal(size=30))
    return x, np.sin(2 * x) + 0.1 * generator.normal(size=30)


def fitted(features, y):
    """Solve the ridge regression in which a constant and a line cost nothing."""
    design = np.c_[np.ones(len(y)), features]
    charged = np.sqrt(PENALTY) * np.eye(design.shape[1])[2:]
    rows, values = np.r_[design, charged], np.r_[y, np.zeros(len(charged))]
    return np.linalg.lstsq(rows, values, rcond=None)[0]


def test_with_a_knot_at_each_value_it_is_the_smoothing_spline(column, monkeypatch):
    x, y = column
    monkeypatch.setattr(bends, "KNOTS", len(x))
    made = Bends().fit(x[:, None])
    weights = fitted(made.transform(x[:, None]), y)
    where = np.linspace(x.min() - 1, x.max() + 1, 101)
    ours = np.c_[np.ones(101), made.transform(where[:, None])] @ weights
    within = (where >= x.min()) & (where <= x.max())
    theirs = make_smoothing_spline(x, y, lam=PENALTY)(where[within])
    assert ours[within] == pytest.approx(theirs, abs=1e-5)


def test_it_is_charged_by_its_second_derivative(column):
    x, _ = column
    made = Bends().fit(x[:, None])
    where = np.linspace(x.min(), x.max(), 20_001)
    step = where[1] - where[0]
    curves = made.transform(where[:, None])[:, 1:]
    bent = np.diff(curves, 2, axis=0) / step**2
    assert bent.T @ bent * step == pytest.approx(np.eye(curves.shape[1]), abs=2e-3)


def test_beyond_the_ends_it_is_straight(column):
    x, _ = column
    made = Bends().fit(x[:, None])
    for where in (x.min() - np.arange(4.0), x.max() + np.arange(4.0)):
        values = made.transform(where[:, None])
        assert np.diff(values, 2, axis=0) == pytest.approx(0, abs=1e-9)


def test_columns_that_cannot_bend_and_those_that_shall_not_stay_as_they_are():
    generator = np.random.default_rng(0)
    x = np.c_[np.ones(50), generator.integers(0, 2, 50), generator.normal(size=50)]
    assert np.array_equal(Bends(columns=2).fit_transform(x), x)
    assert Bends().fit_transform(x).shape[1] > 3
