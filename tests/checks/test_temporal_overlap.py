import numpy as np
import pytest

from roadworthy.checks.methodology.temporal_overlap import TemporalOverlap
from roadworthy.core.dataset import Roles
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from tests.datasets import blobs, judge, table


def timed(time, is_test):
    n = len(time)
    x = np.random.default_rng(0).normal(size=(n, 2))
    return table(x, np.arange(n) % 2, is_test, columns={"day": time}, roles=Roles(time="day"))


def test_a_random_split_over_time_is_caught():
    is_test = np.random.default_rng(0).random(300) < 0.3
    (finding,) = judge(TemporalOverlap(), timed(np.arange(300.0), is_test))
    assert finding.verdict is Verdict.FAIL
    assert finding.estimate.value > 0.9


def test_a_test_after_the_training_passes():
    (finding,) = judge(TemporalOverlap(), timed(np.arange(300), np.arange(300) >= 200))
    assert finding.verdict is Verdict.PASS
    assert finding.examples == ()


def test_dates_as_text_are_ordered():
    day = np.array([f"2024-{1 + k // 25:02d}-{1 + k % 25:02d}" for k in range(300)], dtype=object)
    is_test = np.arange(300) >= 200
    is_test[50] = True
    (finding,) = judge(TemporalOverlap(), timed(day, is_test))
    assert finding.examples[0].rows == (("test", 50),)


def test_rows_without_a_time_are_left_out():
    day = np.arange(300.0)
    day[[10, 250]] = np.nan
    (finding,) = judge(TemporalOverlap(), timed(day, np.arange(300) >= 200))
    assert finding.verdict is Verdict.PASS
    assert "2 rows have no time" in finding.claim


def test_without_a_time_column_it_is_not_assessed():
    with pytest.raises(NotAssessed, match="--time"):
        judge(TemporalOverlap(), blobs())
