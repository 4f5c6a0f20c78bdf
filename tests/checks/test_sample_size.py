from dataclasses import replace

import numpy as np
import pytest

from roadworthy.checks.methodology.sample_size import SampleSize, coefficients_of
from roadworthy.core.dataset import Feature
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.core.sample_size import largest_r_squared, rows_needed
from tests.datasets import blobs, builtin, judge, table


def test_riley_criteria_give_the_rows_of_the_published_example():
    # Chagas disease: Riley et al. 2019, section 5.1, as pmsampsize computes it
    needed = rows_needed(24, 0.174, 0.288)
    assert (needed.effects, needed.fit, needed.risk, needed.rows) == (623, 662, 221, 662)


def test_the_largest_r_squared_is_that_of_even_odds():
    # Riley et al. 2020, BMJ 368:m441, table: 0.75 at one half, 0.48 at one in ten
    assert largest_r_squared(0.5) == pytest.approx(0.75)
    assert largest_r_squared(0.1) == pytest.approx(0.48, abs=0.005)


def test_few_rows_for_many_columns_are_caught():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(360, 60))
    y = generator.random(360) < 1 / (1 + np.exp(-x[:, 0]))
    (finding,) = judge(SampleSize(), table(x, y, np.arange(360) % 3 == 2))
    assert finding.verdict is Verdict.FAIL
    assert "for 60 coefficients" in finding.claim


def test_many_rows_for_few_columns_pass():
    (finding,) = judge(SampleSize(), blobs(1800, apart=1.5))
    assert finding.verdict is Verdict.PASS


def test_breast_cancer_has_rows_enough_for_so_clear_a_signal():
    (finding,) = judge(SampleSize(), builtin("breast-cancer"))
    assert finding.verdict is Verdict.PASS
    assert finding.measures[0].value < 10, "fewer than ten events a column, and yet"


def test_half_the_rows_leave_effects_a_fifth_too_large():
    # the shrinkage factor of criterion (i), solved for half of the rows it asks for
    rows = rows_needed(20, 0.3, 0.2).effects / 2
    shrinkage = np.linspace(0.5, 0.99, 5000)
    needed = 20 / ((shrinkage - 1) * np.log(1 - 0.2 / shrinkage))
    assert shrinkage[np.abs(needed - rows).argmin()] == pytest.approx(0.8, abs=0.03)


def test_a_category_counts_one_less_than_its_values():
    data = blobs(columns=3)
    category = Feature("c", "category", ("u", "v", "w", "x"))
    pair = Feature("d", "category", ("yes", "no"))
    assert coefficients_of(replace(data, features=(Feature("a"), category, pair))) == 5


def test_it_says_why_not():
    for data in (builtin("digits"), builtin("wine")):
        with pytest.raises(NotAssessed, match=r"images|two classes"):
            judge(SampleSize(), data)
