import numpy as np
import pytest
import torch

from roadworthy.checks.data.class_imbalance import ClassImbalance
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from tests.datasets import blobs, builtin, judge, numbers, table
from tests.models import LinearModel


def test_a_class_of_one_row_in_twenty_is_caught():
    y = np.arange(300) % 20 == 0
    finding, _ = judge(ClassImbalance(), table(np.random.rand(300, 2), y, np.arange(300) % 3 == 1))
    assert finding.verdict is Verdict.FAIL
    assert finding.estimate.value == pytest.approx(1 / 19, abs=0.01)
    assert "'class 1'" in finding.claim


def fifth(apart, n=1500):
    """Every fifth row is of the second class."""
    y = np.arange(n) % 5 == 0
    x = np.random.default_rng(0).normal(size=(n, 3)) + apart * y[:, None]
    return table(x, y, np.arange(n) // 5 % 3 == 0)


def test_a_small_class_that_accuracy_hides_is_told():
    rarest, hidden = judge(ClassImbalance(), fifth(0.3))
    assert rarest.verdict is Verdict.PASS, "a fifth is not rare"
    assert hidden.verdict is Verdict.WARN
    assert hidden.scope == "hidden class"
    assert hidden.estimate.low > 0.3
    assert "'class 1', a small class" in hidden.claim


def test_a_small_class_that_is_found_as_often_as_others_is_no_flaw():
    findings = judge(ClassImbalance(), fifth(4.0))
    assert [finding.verdict for finding in findings] == [Verdict.PASS, Verdict.PASS]


def test_of_several_small_classes_the_one_that_is_missed_is_named():
    y = np.repeat([0, 1, 2], [800, 80, 80])
    x = np.random.default_rng(0).normal(size=(960, 2)) + np.c_[8 * (y == 1), 0.2 * (y == 2)]
    hidden = judge(ClassImbalance(), table(x, y, np.arange(960) % 2 == 0))[1]
    assert "'class 2'" in hidden.claim
    assert hidden.estimate.name == "right on others rather than on 'class 2'"
    assert len(hidden.measures) == 2


def test_balanced_classes_pass():
    (finding,) = judge(ClassImbalance(), blobs())
    assert finding.verdict is Verdict.PASS


@pytest.mark.parametrize("name", ["digits", "wine", "breast-cancer"])
def test_it_is_silent_on_a_clean_set(name):
    (finding,) = judge(ClassImbalance(), builtin(name))
    assert finding.verdict is Verdict.PASS


def test_the_largest_difference_between_the_splits_is_measured():
    y = np.repeat([0, 1, 0, 1], [50, 50, 20, 80])
    (finding,) = judge(ClassImbalance(), table(np.random.rand(200, 2), y, np.arange(200) >= 100))
    shift = finding.measures[1]
    assert abs(shift.value) == pytest.approx(0.3)


def test_numbers_are_not_assessed():
    with pytest.raises(NotAssessed, match="no classes"):
        judge(ClassImbalance(), numbers(), LinearModel(torch.ones(2, 1), torch.zeros(1), (2,)))
