import numpy as np
import pytest
import torch
from sklearn import metrics

from roadworthy.checks.performance.accuracy import Accuracy
from roadworthy.core.dataset import Task
from roadworthy.core.finding import Verdict
from tests.datasets import judge, table
from tests.models import Echo, LinearModel


def graded(task, n=200):
    """Rows whose inputs are the logits of a model that is off by one on every fourth row."""
    y = np.arange(n) % 4
    answers = np.where(np.arange(n) % 16 < 4, (y + 1) % 4, y)
    return table(np.eye(4)[answers], y, np.arange(n) >= n // 2, task=task), answers[n // 2 :]


def test_of_ordered_classes_it_tells_how_far_off_the_answers_are():
    data, answers = graded(Task.ORDINAL)
    (finding,) = judge(Accuracy(), data, Echo(4))
    found = {measure.name: measure for measure in finding.measures}
    y = data.test.y.numpy()
    off = found["mean absolute error"]
    assert off.value == pytest.approx(np.abs(y - answers).mean())
    assert off.low < off.value < off.high
    kappa = metrics.cohen_kappa_score(y, answers, weights="quadratic")
    assert found["quadratic kappa"].value == pytest.approx(kappa)


def test_of_other_classes_it_does_not():
    (finding,) = judge(Accuracy(), graded(Task.NOMINAL)[0], Echo(4))
    assert [measure.name for measure in finding.measures][2:] == []


@pytest.mark.parametrize("task", [Task.NOMINAL, Task.REGRESSION])
def test_a_constant_model_does_not_pass(task):
    y = np.tile([0, 0, 0, 1], 50)
    data = table(np.ones((200, 1)), y, np.arange(200) >= 100, task=task)
    outputs = [1.0, 0.0] if task == Task.NOMINAL else [0.25]
    model = LinearModel(torch.zeros(1, len(outputs)), torch.tensor(outputs), (1,), task)
    (finding,) = judge(Accuracy(), data, model)
    assert finding.estimate.value == 0
    assert finding.verdict is Verdict.FAIL
