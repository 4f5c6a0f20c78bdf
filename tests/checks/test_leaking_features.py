import numpy as np
import pytest
import torch

from roadworthy.checks.methodology.leaking_features import LeakingFeatures
from roadworthy.core.dataset import Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.sources import load_dataset
from tests.datasets import builtin, judge, numbers, shared, table
from tests.models import LinearModel


def with_column(make, n=1200):
    generator = np.random.default_rng(0)
    y = generator.integers(0, 2, n)
    x = np.column_stack([generator.normal(size=(n, 3)) + 0.3 * y[:, None], make(generator, y)])
    return table(x, y, np.arange(n) % 3 == 2, names=("a", "b", "c", "leak"))


def test_the_target_under_another_name_is_caught():
    (finding,) = judge(LeakingFeatures(), with_column(lambda _, y: 3 - 2 * y))
    assert finding.verdict is Verdict.FAIL
    assert finding.estimate.value == pytest.approx(1.0)
    assert "'leak'" in finding.claim


def test_a_column_right_on_97_of_100_rows_is_caught():
    (finding,) = judge(
        LeakingFeatures(),
        with_column(lambda generator, y: np.where(generator.random(len(y)) < 0.03, 1 - y, y)),
    )
    assert finding.verdict is not Verdict.PASS
    assert "'leak'" in finding.claim


def test_a_strong_honest_column_passes():
    (finding,) = judge(
        LeakingFeatures(), with_column(lambda generator, y: 2 * y + generator.normal(size=len(y)))
    )
    assert finding.verdict is Verdict.PASS


def test_a_number_that_follows_the_target_is_caught():
    data = numbers()
    x = np.concatenate([data.train.x, data.test.x])
    y = np.concatenate([data.train.y, data.test.y])
    x = np.column_stack([x, 3 * y + 0.01])
    is_test = np.arange(300) >= 200
    model = LinearModel(torch.ones(3, 1), torch.zeros(1), (3,), Task.REGRESSION)
    (finding,) = judge(LeakingFeatures(), table(x, y, is_test, task=Task.REGRESSION), model)
    assert finding.verdict is not Verdict.PASS
    assert "'column 2'" in finding.claim


@pytest.mark.parametrize("name", ["wine", "breast-cancer"])
def test_it_is_silent_on_a_clean_set(name):
    (finding,) = judge(LeakingFeatures(), builtin(name))
    assert finding.verdict is Verdict.PASS


def test_it_is_silent_on_digits_as_a_table():
    data = builtin("digits")
    x = np.concatenate([data.train.x, data.test.x])[:, 0].reshape(-1, 64)
    y = np.concatenate([data.train.y, data.test.y])
    (finding,) = judge(LeakingFeatures(), table(x, y, np.arange(len(y)) >= len(data.train)))
    assert finding.verdict is Verdict.PASS


def test_images_are_not_assessed():
    with pytest.raises(NotAssessed, match="images"):
        judge(LeakingFeatures(), builtin("digits"))


def test_what_compas_knows_only_after_two_years_is_named():
    data = load_dataset(shared("compas_two_years.csv.gz"), target="two_year_recid")
    (finding,) = judge(LeakingFeatures(), data)
    assert finding.verdict is Verdict.FAIL
    for name in ("is_recid", "end", "event"):
        assert repr(name) in finding.claim
