import numpy as np
import pytest
import torch

from roadworthy.checks.data.small_sample import SmallSample
from roadworthy.core.dataset import Roles
from roadworthy.core.estimates import proportion
from roadworthy.core.finding import Verdict
from tests.datasets import blobs, builtin, judge, table
from tests.models import LinearModel


def test_thirty_test_rows_are_too_few_for_a_poor_model():
    accuracy, _ = judge(SmallSample(), blobs(n=90, apart=0.5))
    assert accuracy.verdict is Verdict.FAIL


def test_five_rows_of_a_class_are_too_few_even_when_all_are_right():
    y = np.repeat([0, 1], [300, 15])
    _, rarest = judge(SmallSample(), table(np.stack([y, 1 - y], 1), y, np.arange(315) % 3 == 2))
    assert rarest.verdict is Verdict.FAIL
    assert "'class 1', the rarest class: 5" in rarest.claim


def test_a_class_without_test_rows_is_caught():
    y = np.repeat([0, 1, 2], 100)
    data = table(np.eye(3)[y], y, (np.arange(300) % 2 == 1) & (y < 2))
    model = LinearModel(torch.eye(3), torch.zeros(3), (3,))
    _, rarest = judge(SmallSample(), data, model)
    assert rarest.verdict is Verdict.FAIL
    assert "no row of 'class 2'" in rarest.claim


@pytest.mark.parametrize("name", ["digits", "wine", "breast-cancer"])
def test_it_is_silent_on_a_clean_set(name):
    verdicts = {finding.verdict for finding in judge(SmallSample(), builtin(name))}
    assert verdicts == {Verdict.PASS}


def test_the_width_is_that_of_wilsons_interval():
    accuracy, _ = judge(SmallSample(), blobs(n=600))
    (share,) = accuracy.measures
    wilson = proportion("", round(share.value * share.n), share.n)
    assert accuracy.estimate.value == pytest.approx(wilson.high - wilson.low)


def test_many_rows_of_few_groups_widen_the_interval():
    group = np.arange(600) // 60
    y = np.arange(600) % 2
    is_right = np.where(group < 5, 1, -1)
    x = (is_right * (2 * y - 1))[:, None] * np.ones((1, 2))
    model = LinearModel(torch.tensor([[-1.0, 1.0], [-1.0, 1.0]]), torch.zeros(2), (2,))
    is_test = np.arange(600) % 3 == 2
    alone, _ = judge(SmallSample(), table(x, y, is_test), model)
    data = table(x, y, is_test, columns={"patient": group}, roles=Roles(group="patient"))
    grouped, _ = judge(SmallSample(), data, model)
    assert grouped.estimate.value > 2 * alone.estimate.value
