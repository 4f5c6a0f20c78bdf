import numpy as np
import pytest
import torch

from roadworthy.checks.data.target_errors import TargetErrors
from roadworthy.core.dataset import Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.core.progress import Silent
from roadworthy.recipes.ridge import Ridge
from tests.datasets import blobs, judge, table
from tests.models import LinearModel


def lines(wrong=0, n=900, noise=0.3, seed=0):
    """A plane with some noise, on which the first targets are 20 too large."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 3))
    y = 20 + 3 * x[:, 0] - x[:, 1] + noise * generator.normal(size=n)
    y[:wrong] += 20
    return table(x, y, np.arange(n) % 3 == 2, task=Task.REGRESSION)


def judged(data):
    return judge(TargetErrors(), data, Ridge().fit(data, data.train, 0, Silent()))


def test_planted_wrong_targets_are_listed_in_both_splits():
    test, train = judged(lines(wrong=90))
    for finding in (test, train):
        assert finding.verdict is Verdict.FAIL
        assert finding.estimate.low <= 0.1 <= finding.estimate.high
        assert all(row < 90 for _, row in finding.examples[0].rows)


def test_a_single_wrong_target_is_listed_and_passes():
    test, train = judged(lines(wrong=1))
    assert (test.verdict, train.verdict) == (Verdict.PASS, Verdict.PASS)
    assert train.examples[0].rows == (("train", 0),)


def test_clean_targets_pass_without_a_suspicion():
    for seed in range(3):
        for finding in judged(lines(seed=seed)):
            assert finding.verdict is Verdict.PASS
            assert not finding.examples


def test_a_weak_model_does_not_judge_targets():
    verdicts = {finding.verdict for finding in judged(lines(noise=30.0))}
    assert verdicts == {Verdict.NOT_ASSESSED}


def test_a_model_that_repeats_the_targets_does_not_judge_them():
    data = lines()
    x = torch.cat([data.train.x, data.test.x])
    exact = table(x, x[:, 0], np.arange(900) >= 600, task=Task.REGRESSION)
    model = LinearModel(torch.eye(3)[:, :1], torch.zeros(1), (3,), Task.REGRESSION)
    (finding,) = judge(TargetErrors(), exact, model)
    assert finding.verdict is Verdict.NOT_ASSESSED
    assert "exactly" in finding.reason


def test_classes_are_not_assessed():
    with pytest.raises(NotAssessed, match="classes"):
        judge(TargetErrors(), blobs())


def test_wrong_targets_do_not_move_the_scale():
    clean, dirty = (judged(lines(wrong=k))[0] for k in (0, 60))
    assert clean.estimate.value == 0
    assert dirty.estimate.value == pytest.approx(60 / 900, abs=0.005)
