import numpy as np
import pytest
from scipy import stats

from roadworthy.checks.methodology.proxies import Proxies
from roadworthy.core.dataset import Roles
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.sources import load_dataset
from tests.datasets import blobs, judge, shared, table


def people(column, n=900, seed=0, names=("a", "b", "c")):
    """Three columns, the last of which is made from the sex."""
    generator = np.random.default_rng(seed)
    sex = generator.choice(["female", "male"], n)
    y = generator.integers(0, 2, n)
    x = np.column_stack([y + generator.normal(size=n), generator.normal(size=n), np.zeros(n)])
    x[:, 2] = column(generator, sex == "male")
    roles = Roles(sensitive=("sex",))
    return table(x, y, np.arange(n) % 3 == 2, columns={"sex": sex}, roles=roles, names=names)


def height(generator, is_male):
    return 165 + 13 * is_male + 7 * generator.normal(size=len(is_male))


def noise(generator, is_male):
    return generator.normal(size=len(is_male))


def test_a_column_that_tells_the_sex_is_named():
    (finding,) = judge(Proxies(), people(height))
    assert finding.verdict is Verdict.WARN
    assert finding.estimate.name == "c"
    # two normals 13 apart with spreads of 7 each; the steps of a tree lose a little of it
    assert 0.84 < finding.estimate.value < stats.norm.cdf(13 / 7 / np.sqrt(2))


def test_columns_that_tell_nothing_pass():
    (finding,) = judge(Proxies(), people(noise))
    assert finding.verdict is Verdict.PASS
    assert finding.measures[0].low < 0.5 < finding.measures[0].high


def test_the_attribute_itself_is_no_proxy():
    data = people(lambda _, is_male: is_male, names=("a", "b", "sex"))
    (finding,) = judge(Proxies(), data)
    assert finding.verdict is Verdict.PASS


def test_a_column_that_turns_with_the_attribute_is_found_though_not_in_order():
    (finding,) = judge(Proxies(), people(lambda g, m: np.where(m, 3, 1) * noise(g, m)))
    assert finding.verdict is Verdict.WARN


def test_what_has_no_attribute_is_not_assessed():
    with pytest.raises(NotAssessed, match="--sensitive"):
        judge(Proxies(), blobs())


def test_the_column_made_from_race_is_told_by_others_in_bostons_housing():
    path = shared("ordinal/bostonhousing.csv.gz")
    data = load_dataset(path, target="response", ordinal=True, sensitive=("V12",))
    (finding,) = judge(Proxies(), data)
    # without the attribute itself nobody can know that V12 was made from it: it has to be named
    assert finding.verdict is Verdict.PASS
    assert finding.measures[0].low > 0.5


def test_the_relationship_tells_the_sex_in_adult():
    data = load_dataset(shared("adult_train.csv.gz"), target="income", sensitive=("sex",))
    (finding,) = judge(Proxies(), data)
    assert finding.verdict is Verdict.WARN
    assert finding.estimate.name == "relationship"
