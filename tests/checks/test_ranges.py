from dataclasses import replace

import numpy as np
import pytest
import torch

from roadworthy.checks.data.ranges import Ranges, sentinels
from roadworthy.core.dataset import Roles
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.sources import load_dataset
from tests.datasets import blobs, builtin, judge, shared, table
from tests.models import Echo


def ages(n=600, seed=0):
    """A column of ages, one of log-normal incomes and one of zeros and ones, split in three."""
    generator = np.random.default_rng(seed)
    return np.c_[
        generator.integers(17, 91, n), generator.lognormal(3, 1, n), generator.integers(0, 2, n)
    ].astype(float)


def judged(x, columns=None, roles=None):
    n = len(x)
    names = ("age", "income", "smokes")
    data = table(
        x, np.arange(n) % 2, np.arange(n) % 3 == 2, names=names, columns=columns, roles=roles
    )
    return judge(Ranges(), data, Echo(2))


def test_a_clean_table_passes():
    for seed in range(5):
        assert {finding.verdict for finding in judged(ages(seed=seed))} == {Verdict.PASS}


@pytest.mark.parametrize("name", ["wine", "breast-cancer"])
def test_it_is_silent_on_a_clean_set(name):
    assert {finding.verdict for finding in judge(Ranges(), builtin(name))} == {Verdict.PASS}


def test_a_slipped_decimal_point_in_a_test_row_is_far():
    x = ages()
    x[5, 0] *= 100  # row 5 is a test row
    far, _, _ = judged(x)
    assert far.verdict is Verdict.FAIL
    assert far.examples[0].rows == (("test", 5),)
    assert "'age'" in far.examples[0].details[0]


def test_999_for_unknown_is_a_sentinel_and_twice_is_not_enough():
    x = ages()
    x[:2, 0] = 999
    assert judged(x)[1].verdict is Verdict.PASS
    x[:4, 0] = 999
    _, found, _ = judged(x)
    assert found.verdict is Verdict.FAIL
    assert found.tables[0].rows == (("age", 999.0, 4),)


def test_codes_side_by_side_are_all_named():
    column = np.r_[np.arange(20.0, 80), [-8.0] * 5, [-9.0] * 4, [-1.0] * 3]
    assert dict(sentinels(column)) == {-9.0: 4, -8.0: 5, -1.0: 3}


def test_minus_one_among_small_differences_is_a_number():
    assert sentinels(np.r_[np.arange(8.0), [0.0] * 9, [-1.0] * 5]) == []
    assert sentinels(np.r_[np.arange(-5.0, 6), [-1.0] * 5]) == []
    assert sentinels(np.r_[np.arange(1.0, 11), [-1.0] * 5]) == [(-1.0, 5)]


def test_hours_per_week_of_99_are_a_number():
    assert sentinels(np.r_[np.arange(1.0, 99), [99.0] * 30]) == []


def test_values_that_were_filled_in_are_no_sentinels():
    x = torch.tensor(ages()).float()
    x[:10, 0] = 999
    data = table(x, np.arange(600) % 2, np.arange(600) % 3 == 2)
    splits = [replace(split, missing=split.x == 999) for split in data.splits]
    assert judge(Ranges(), replace(data, splits=tuple(splits)), Echo(2))[1].verdict is Verdict.PASS


def test_a_column_stuck_in_one_environment_is_named():
    x, site = ages(), np.arange(600) % 4
    x[site == 1, 1] = 7.0
    stuck = judged(x, {"site": site}, Roles(environment="site"))[2]
    assert stuck.verdict is Verdict.FAIL
    assert stuck.tables[0].rows == (("income", "site '1'", 150),)


def test_a_column_that_describes_the_environments_is_not_stuck():
    x, site = ages(), np.arange(600) % 4
    x[:, 1] = 10.0 * site
    assert judged(x, {"site": site}, Roles(environment="site"))[2].verdict is Verdict.PASS


def test_a_rare_value_that_a_small_part_lacks_by_chance_is_not_stuck():
    x = ages()
    x[:, 2] = np.arange(600) < 3
    assert judged(x)[2].verdict is Verdict.PASS


def test_rows_of_one_patient_count_once():
    x, site = ages(), np.where(np.arange(600) < 560, "a", "b")
    x[site == "b", 2] = 1.0
    patient = np.where(site == "b", "eve", np.arange(600).astype(str))
    columns = {"site": site, "patient": patient}
    alone = judged(x, columns, Roles(environment="site"))[2]
    grouped = judged(x, columns, Roles(environment="site", group="patient"))[2]
    assert (alone.verdict, grouped.verdict) == (Verdict.FAIL, Verdict.PASS)


def test_images_are_not_assessed():
    with pytest.raises(NotAssessed, match="images"):
        judge(Ranges(), builtin("digits"))


def test_gaussian_blobs_raise_no_flag():
    for seed in range(5):
        findings = judge(Ranges(), blobs(n=200, seed=seed), Echo(2))
        assert {finding.verdict for finding in findings} == {Verdict.PASS}


@pytest.mark.slow
def test_the_capital_gain_of_99999_in_adult_is_a_sentinel():
    data = load_dataset(
        shared("adult_train.csv.gz"), test=shared("adult_test.csv.gz"), target="income"
    )
    far, found, stuck = judge(Ranges(), data, Echo(2))
    assert found.tables[0].rows == (("capital_gain", 99999.0, 244),)
    assert (far.verdict, stuck.verdict) == (Verdict.PASS, Verdict.PASS)
