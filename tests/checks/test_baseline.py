import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from roadworthy.artifacts.simple_model import SimplePredictions, parameters_of
from roadworthy.checks.performance.baseline import Baseline
from roadworthy.core.artifact import Bench, Store, Subject
from roadworthy.core.dataset import Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.frameworks.sklearn_estimator import wrap_estimator
from tests.datasets import blobs, builtin, judge, numbers, table
from tests.models import LinearModel, Logistic


def tree(data, kind=DecisionTreeClassifier, **settings):
    fitted = kind(random_state=0, **settings)
    fitted.fit(data.train.x.double().numpy(), data.train.y.numpy())
    return wrap_estimator(fitted, data, "tree")


def quarters(n=900):
    """Classes that no line can part."""
    x = np.random.default_rng(0).normal(size=(n, 2))
    return table(x, x[:, 0] * x[:, 1] > 0, np.arange(n) % 3 == 2)


def test_a_model_that_sees_what_no_line_can_passes():
    data = quarters()
    (finding,) = judge(Baseline(), data, tree(data))
    assert finding.verdict is Verdict.PASS
    assert finding.estimate.low > 0.3


def test_a_model_that_is_worse_than_a_linear_one_is_caught():
    data = blobs(1200, columns=20, apart=1.5)
    (finding,) = judge(Baseline(), data, tree(data))
    assert finding.verdict is Verdict.FAIL
    (both, only), (only_simple, neither) = (row[1:] for row in finding.tables[0].rows)
    assert both + only + only_simple + neither == len(data.test)
    assert only_simple > only


def test_a_model_as_good_as_a_linear_one_is_not_passed():
    x = np.random.default_rng(0).normal(size=(900, 1))
    y = np.random.default_rng(1).random(900) < np.where(x[:, 0] > 0, 0.8, 0.2)
    data = table(x, y, np.arange(900) % 3 == 2)
    (finding,) = judge(Baseline(), data, tree(data, max_depth=3, min_samples_leaf=20))
    assert finding.verdict is Verdict.WARN


def test_a_regression_is_compared_with_a_line():
    data = numbers()
    (worse,) = judge(Baseline(), data, tree(data, DecisionTreeRegressor))
    assert worse.verdict is Verdict.FAIL
    x = np.random.default_rng(0).normal(size=(600, 1))
    bent = table(x, x[:, 0] ** 2, np.arange(600) % 3 == 2, task=Task.REGRESSION)
    (better,) = judge(Baseline(), bent, tree(bent, DecisionTreeRegressor))
    assert better.verdict is Verdict.PASS


def fitted(split):
    """Least squares weights (D, 1)."""
    return torch.linalg.lstsq(split.x.double(), split.y.double()[:, None]).solution


@pytest.mark.parametrize(("step", "verdict"), [(-0.2, Verdict.WARN), (-1.0, Verdict.FAIL)])
def test_a_linear_model_that_differs_by_digits_alone_does_not_fail(step, verdict):
    x = np.random.default_rng(0).normal(size=(900, 20))
    y = x.sum(1) + np.random.default_rng(1).normal(0, 2, 900)
    data = table(x, y, np.arange(900) % 3 == 2, task=Task.REGRESSION)
    weight = fitted(data.train) + step * (fitted(data.test) - fitted(data.train))
    model = LinearModel(weight.float(), torch.zeros(1), (20,), Task.REGRESSION)
    (finding,) = judge(Baseline(), data, model)
    assert finding.estimate.high < 0
    assert finding.verdict is verdict


def test_a_model_that_is_simple_itself_is_not_assessed():
    model = LinearModel(torch.zeros(4, 2), torch.zeros(2), (4,))
    model.spec = model.spec.__class__(**{**vars(model.spec), "parameters": 10})
    with pytest.raises(NotAssessed, match="simple itself"):
        judge(Baseline(), blobs(), model)


def test_a_scaled_linear_model_of_scikit_learn_is_simple_itself():
    data = blobs()
    x, y = data.train.x.double().numpy(), data.train.y.numpy()
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
    with pytest.raises(NotAssessed, match="simple itself"):
        judge(Baseline(), data, wrap_estimator(fitted, data, "linear"))


def test_the_linear_model_of_images_is_as_good_as_one_fitted_elsewhere():
    data = builtin("digits")
    request = SimplePredictions()
    subject = Subject(Logistic(data.train, 10), data)
    said = Bench(subject, Store(None)).get_for((request,))(request)
    accuracy = (said.choice == data.test.y).double().mean()
    own = (subject.model(data.test.x).argmax(1) == data.test.y).double().mean()
    assert accuracy == pytest.approx(float(own), abs=0.02)
    assert parameters_of(data) == 650
