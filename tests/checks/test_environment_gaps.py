from dataclasses import replace

import numpy as np
import pytest

from roadworthy.checks.shift.environment_gaps import EnvironmentGaps
from roadworthy.core.dataset import Roles
from roadworthy.core.finding import Verdict
from tests.datasets import judge, table
from tests.models import Echo


def answered(site, right):
    """A model that is right where it is said to be; every row is a test row but two."""
    y = np.arange(len(site)) % 2
    choice = np.where(right, y, 1 - y)
    is_test = np.arange(len(site)) >= 2
    roles = Roles(environment="site")
    return table(np.eye(2)[choice], y, is_test, columns={"site": np.asarray(site)}, roles=roles)


def draw(n=900, worse=0.9, seed=0):
    generator = np.random.default_rng(seed)
    site = generator.choice(["A", "B", "C"], n)
    return site, generator.random(n) < np.where(site == "B", worse, 0.9)


def test_an_environment_in_which_the_model_fails_is_named():
    (finding,) = judge(EnvironmentGaps(), answered(*draw(worse=0.6)), Echo(2))
    assert finding.verdict is Verdict.FAIL
    assert "differs most surely is B" in finding.claim
    assert finding.tables[0].rows[0][0] == "B"


def test_environments_alike_do_not_fail():
    answers = [answered(*draw(seed=seed)) for seed in range(9)]
    verdicts = {judge(EnvironmentGaps(), data, Echo(2))[0].verdict for data in answers}
    assert Verdict.FAIL not in verdicts
    assert Verdict.PASS in verdicts


def test_small_environments_are_named_and_not_judged():
    site, right = draw()
    site[:10], right[:10] = "D", False
    (finding,) = judge(EnvironmentGaps(), answered(site, right), Echo(2))
    assert "Too small to compare: D" in finding.claim
    assert finding.verdict is not Verdict.FAIL


def test_rows_of_unknown_origin_are_left_out():
    site, right = draw()
    site = site.astype("<U9")
    site[::3] = ""
    (finding,) = judge(EnvironmentGaps(), answered(site, right), Echo(2))
    assert sum(row[1] for row in finding.tables[0].rows) == int((site[2:] != "").sum())


def test_one_environment_is_not_assessed():
    site, right = draw()
    (finding,) = judge(EnvironmentGaps(), answered(np.full(len(site), "A"), right), Echo(2))
    assert finding.verdict is Verdict.NOT_ASSESSED


def test_copies_of_a_person_count_once():
    site, right = draw(n=302, worse=0.7)
    (once,) = judge(EnvironmentGaps(), answered(site, right), Echo(2))
    copied = [np.concatenate([each[:2], np.repeat(each[2:], 4)]) for each in (site, right)]
    data = answered(*copied)
    (apart,) = judge(EnvironmentGaps(), data, Echo(2))
    person = {"person": np.arange(len(data.test)) // 4}
    test = replace(data.test, columns={**data.test.columns, **person})
    roles = Roles(group="person", environment="site")
    data = replace(data, splits=(data.train, test), roles=roles)
    (together,) = judge(EnvironmentGaps(), data, Echo(2))
    expected = once.estimate.low, once.estimate.high
    assert (together.estimate.low, together.estimate.high) == pytest.approx(expected, abs=0.02)
    assert apart.estimate.high - apart.estimate.low < 0.6 * (expected[1] - expected[0])
