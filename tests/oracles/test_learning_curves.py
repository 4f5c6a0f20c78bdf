"""Learning curves against scipy's fit, and forecasts against curves that are known."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from roadworthy.core.errors import NotAssessed
from roadworthy.core.learning_curves import FAMILIES, fit, forecast

SIZES = np.array([125, 218, 379, 660, 1149, 2000])
CURVES = {
    "power law": lambda t, a, b, c: a + b * t**-c,
    "exponential": lambda t, a, b, c: a + b * np.exp(-c * t),
    "shifted inverse": lambda t, a, b, c: a + b / (1 + t / c),
    "logarithmic": lambda t, a, b: a - b * np.log(t),
}


def power(rows, offset=0.05, drop=0.8, exponent=0.5):
    return offset + drop * rows**-exponent


def noisy(seed, draws=4, rows=400, **curve):
    """Errors of trainings: rows differ in how hard they are, draws in how lucky they are."""
    generator = np.random.default_rng(seed)
    hardness = generator.random(rows)
    luck = 1 + 0.5 * generator.normal(size=(draws, len(SIZES), 1)) / np.sqrt(SIZES)[:, None]
    fresh = generator.random((draws, len(SIZES), rows))
    own = np.where(generator.random(fresh.shape) < 0.3, fresh, hardness)
    return (own < power(SIZES, **curve)[:, None] * luck).astype(float)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_weighted_fit_is_scipys(family):
    t = SIZES / 2000
    generator = np.random.default_rng(1)
    errors = power(SIZES) + 0.002 * generator.normal(size=len(SIZES))
    variance = 1e-6 * np.array([9.0, 6, 4, 3, 2, 1])
    start = (0.05, 0.02, 0.5)[: family.parameters]
    best, _ = curve_fit(
        CURVES[family.name], t, errors, start, sigma=np.sqrt(variance), maxfev=20_000
    )
    curve = CURVES[family.name](np.array([1.0, 2.0]), *best)
    (chi,), (said,) = fit(family, t, errors[None], variance, np.array([1.0, 2.0]))
    expected = np.sum((errors - CURVES[family.name](t, *best)) ** 2 / variance)
    # the shape parameter comes from a grid of 40
    assert chi == pytest.approx(expected, rel=0.1)
    assert said == pytest.approx(curve, rel=0.02)


def test_a_curve_that_rises_is_fitted_by_a_flat_one():
    errors = np.linspace(0.1, 0.2, len(SIZES))[None]
    for family in FAMILIES:
        _, said = fit(family, SIZES / 2000, errors, np.ones(len(SIZES)), np.array([0.5, 2.0]))
        assert said == pytest.approx(np.full((1, 2), 0.15))


def test_no_error_below_0_is_foreseen():
    errors = np.linspace(0.5, 0.01, len(SIZES))[None]
    for family in FAMILIES:
        _, said = fit(family, SIZES / 2000, errors, np.ones(len(SIZES)), np.array([10.0]))
        assert said.min() >= 0


def test_the_interval_holds_the_truth_as_often_as_it_says():
    cases = [(a, c) for a in (0.0, 0.05, 0.15) for c in (0.3, 0.5)] * 8
    held = []
    for seed, (offset, exponent) in enumerate(cases):
        errors = noisy(seed, offset=offset, exponent=exponent)
        told = forecast(SIZES, errors, np.array([4000.0]), pool=2000, seed=seed)
        low, high = np.quantile(told.draws[:, 0], [0.025, 0.975])
        held.append(low <= power(4000, offset=offset, exponent=exponent) <= high)
    # 48 trials of 0.95: fewer than 42 come up in one of a hundred runs
    assert sum(held) >= 42


def test_a_steep_curve_is_told_from_a_flat_one():
    at = np.array([2000.0, 4000.0])
    falls = []
    for curve in ({"offset": 0.0, "drop": 6.0}, {"offset": 0.15, "drop": 0.01}):
        told = forecast(SIZES, noisy(0, rows=4000, **curve), at, pool=2000, seed=0)
        falls.append(np.quantile(told.draws[:, 0] - told.draws[:, 1], [0.025, 0.975]))
    steep, flat = falls
    assert steep[0] > 0.01
    assert flat[1] < 0.01


def test_fewer_than_five_sizes_are_refused():
    with pytest.raises(NotAssessed, match="5 sizes"):
        forecast(SIZES[:4], noisy(0)[:, :4], np.array([4000.0]), pool=2000, seed=0)
