import numpy as np
import pytest

from roadworthy.checks.data.constant_features import ConstantFeatures, first_alike
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.sources import load_dataset
from tests.datasets import builtin, judge, shared, table
from tests.models import Echo


def with_column(column, name, n=300):
    generator = np.random.default_rng(0)
    x = np.column_stack(
        [generator.normal(size=(n, 2)), generator.integers(0, 5, n), column(generator, n)]
    )
    y = np.arange(n) % 2
    return table(x, y, np.arange(n) % 3 == 2, names=("a", "b", "c", name))


def test_a_constant_column_is_named():
    constant, _ = judge(ConstantFeatures(), with_column(lambda _, n: np.full(n, 7.0), "stuck"))
    assert constant.verdict is Verdict.WARN
    assert "'stuck'" in constant.claim


def test_a_column_constant_on_many_rows_fails():
    data = with_column(lambda _, n: np.full(n, 7.0), "stuck", n=9000)
    assert judge(ConstantFeatures(), data)[0].verdict is Verdict.FAIL


def test_a_column_in_other_units_is_a_repeat():
    data = with_column(lambda generator, n: np.zeros(n), "fahrenheit")
    x, y = np.concatenate([data.train.x, data.test.x]), np.concatenate([data.train.y, data.test.y])
    x[:, 3] = 1.8 * x[:, 0] + 32
    _, repeated = judge(
        ConstantFeatures(), table(x, y, np.arange(len(x)) >= 200, names=("a", "b", "c", "d"))
    )
    assert repeated.verdict is Verdict.FAIL
    assert repeated.tables[0].rows == (("d", "a"),)


def test_another_coding_of_the_same_values_is_a_repeat():
    codes = np.random.default_rng(0).integers(0, 5, 400).astype(float)
    noise = np.random.default_rng(1).normal(size=400)
    assert first_alike(
        np.stack([codes, noise, np.array([3, 0, 4, 1, 2])[codes.astype(int)]], 1)
    ) == [0, 1, 0]


def test_two_columns_of_distinct_values_are_no_repeats():
    generator = np.random.default_rng(0)
    x = np.stack([generator.permutation(100), generator.permutation(100)], 1).astype(float)
    assert first_alike(x) == [0, 1]


@pytest.mark.parametrize("name", ["wine", "breast-cancer"])
def test_it_is_silent_on_a_clean_set(name):
    verdicts = {finding.verdict for finding in judge(ConstantFeatures(), builtin(name))}
    assert verdicts == {Verdict.PASS}


def test_images_are_not_assessed():
    with pytest.raises(NotAssessed, match="images"):
        judge(ConstantFeatures(), builtin("digits"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "target", "pairs"),
    [
        ("adult_train", "income", {("education_num", "education")}),
        (
            "compas_two_years",
            "two_year_recid",
            {("decile_score.1", "decile_score"), ("priors_count.1", "priors_count")},
        ),
    ],
)
def test_the_known_repeats_of_adult_and_compas_are_named(name, target, pairs):
    data = load_dataset(shared(f"{name}.csv.gz"), target=target)
    repeated = judge(ConstantFeatures(), data, Echo(2))[1]
    assert repeated.verdict is Verdict.FAIL
    assert set(repeated.tables[0].rows) == pairs
