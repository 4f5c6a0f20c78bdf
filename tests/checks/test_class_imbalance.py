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
    (finding,) = judge(ClassImbalance(), table(np.random.rand(300, 2), y, np.arange(300) % 3 == 1))
    assert finding.verdict is Verdict.FAIL
    assert finding.estimate.value == pytest.approx(1 / 19, abs=0.01)
    assert "'class 1'" in finding.claim


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
