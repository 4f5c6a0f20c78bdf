import numpy as np
import pytest
from scipy import stats

from roadworthy.checks.conversions import CONVERSIONS, conversion_between, distance
from roadworthy.checks.data.units import Units
from roadworthy.core.dataset import Roles
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from tests.datasets import blobs, builtin, judge, table
from tests.models import Echo


def judged(x, columns=None, roles=None):
    n = len(x)
    data = table(
        x,
        np.arange(n) % 2,
        np.arange(n) % 3 == 2,
        names=("kilograms", "temperature"),
        columns=columns,
        roles=roles,
    )
    return judge(Units(), data, Echo(2))[0]


def bodies(seed=0, n=900):
    generator = np.random.default_rng(seed)
    return np.c_[generator.normal(75, 12, n), generator.normal(37, 0.5, n)]


def test_a_clean_table_passes():
    for seed in range(5):
        assert judged(bodies(seed)).verdict is Verdict.PASS


@pytest.mark.parametrize("name", ["wine", "breast-cancer", "iris"])
def test_it_is_silent_on_a_clean_set(name):
    assert judge(Units(), builtin(name), Echo(2))[0].verdict is Verdict.PASS


def test_a_hospital_that_writes_pounds_is_named():
    x, site = bodies(), np.arange(900) // 3 % 3
    x[site == 2, 0] /= 0.45359237
    finding = judged(x, {"site": site}, Roles(environment="site"))
    assert finding.verdict is Verdict.FAIL
    assert ("kilograms", "site '2'", "pounds for kilograms", 300) in finding.tables[0].rows


def test_a_test_split_in_fahrenheit_is_named():
    x = bodies()
    x[2::3, 1] = 1.8 * x[2::3, 1] + 32
    finding = judged(x)
    assert finding.verdict is Verdict.FAIL
    name, where, what, n = finding.tables[0].rows[0]
    assert (name, where, n) == ("temperature", "the test split", 300)
    assert what == "degrees Fahrenheit for Celsius"


def test_grams_among_kilograms_are_a_cluster_of_their_own():
    x = bodies()
    x[::20, 0] *= 1000
    (row,) = judged(x).tables[0].rows
    assert row == ("kilograms", "some of all rows", "numbers 1000 times too large", 45)


def test_heavier_people_elsewhere_are_no_other_unit():
    for shift in (1.2, 1.5, 2.0, 2.3):
        x, site = bodies(), np.arange(900) % 3
        x[site == 2, 0] = x[site == 2, 0] - 75 + 75 * shift
        assert judged(x, {"site": site}, Roles(environment="site")).verdict is Verdict.PASS


def test_two_kinds_of_rows_are_no_two_units():
    generator = np.random.default_rng(0)
    x = bodies()
    x[:300, 0] = generator.normal(8, 3, 300).clip(2)  # babies, a tenth of the weight
    assert judged(x).verdict is Verdict.PASS


def test_each_conversion_is_recognized_where_it_was_planted():
    usual = np.random.default_rng(0).lognormal(4, 0.1, 2000)
    for conversion in CONVERSIONS:
        odd = (usual[:900] - conversion.offset) / conversion.scale
        assert conversion_between(odd, usual[900:]) == conversion.name


def test_the_distance_is_that_of_kolmogorov_and_smirnov():
    generator = np.random.default_rng(0)
    a, b = generator.integers(0, 9, 80), generator.integers(2, 12, 50)
    assert distance(a, b) == pytest.approx(stats.ks_2samp(a, b).statistic)


def test_images_are_not_assessed():
    with pytest.raises(NotAssessed, match="numbers"):
        judge(Units(), builtin("digits"))


def test_gaussian_blobs_raise_no_flag():
    for seed in range(5):
        assert judge(Units(), blobs(n=300, seed=seed), Echo(2))[0].verdict is Verdict.PASS
