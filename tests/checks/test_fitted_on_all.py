import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from roadworthy.artifacts.fitted_steps import learned_numbers
from roadworthy.checks.methodology.fitted_on_all import FittedOnAll, centered_before_the_split
from roadworthy.core.finding import Verdict
from roadworthy.frameworks import wrap_model
from roadworthy.sources import make_dataset
from tests.datasets import blobs, builtin, judge, table
from tests.models import Logistic


def fitted(pipeline, data, on_all=(), seen=None):
    """Fit a pipeline on train; steps that are named were fitted on test rows as well."""
    x, y = data.train.x.double().numpy(), data.train.y.numpy()
    all_x = np.concatenate([x, data.test.x.double().numpy()])
    all_y = np.concatenate([y, data.test.y.numpy()])
    for name, step in pipeline.steps[:-1]:
        step.fit(*((all_x, all_y) if name in on_all else (x, y)))
        x, all_x = step.transform(x), step.transform(all_x)
    pipeline.steps[-1][1].fit(x, y)
    return wrap_model(pipeline, data)


def found(data, model):
    return {finding.scope: finding for finding in judge(FittedOnAll(), data, model)}


def pipeline(*steps):
    return make_pipeline(*steps, LogisticRegression())


@pytest.mark.parametrize("step", [StandardScaler(), MinMaxScaler(), SelectKBest(k=2)])
def test_a_step_fitted_on_test_rows_too_is_found_and_one_on_train_is_not(step):
    data = blobs()
    name = type(step).__name__.lower()
    finding = found(data, fitted(pipeline(step), data, on_all=(name,)))["steps"]
    assert finding.verdict is Verdict.FAIL
    assert type(step).__name__ in finding.claim
    assert found(data, fitted(pipeline(step), data))["steps"].verdict is Verdict.PASS


def test_only_the_guilty_step_is_named():
    data = blobs()
    model = fitted(pipeline(SimpleImputer(), StandardScaler()), data, on_all=("standardscaler",))
    finding = found(data, model)["steps"]
    assert "1 of 2 steps" in finding.claim
    assert "imputer" not in finding.claim


def test_steps_within_a_column_transformer_are_looked_at():
    data = blobs()
    make = lambda: ColumnTransformer([("scaled", StandardScaler(), [0, 1])])  # noqa: E731
    model = fitted(pipeline(make()), data, on_all=("columntransformer",))
    assert found(data, model)["steps"].verdict is Verdict.FAIL
    assert found(data, fitted(pipeline(make()), data))["steps"].verdict is Verdict.PASS


def test_a_step_fitted_elsewhere_is_not_judged():
    data = blobs()
    other = blobs(seed=5)
    made = pipeline(StandardScaler())
    made.fit(other.train.x.numpy(), other.train.y.numpy())
    finding = found(data, wrap_model(made, data))["steps"]
    assert finding.verdict is Verdict.NOT_ASSESSED
    assert "neither" in finding.reason


def test_what_a_scaler_learned_is_its_means_spreads_and_rows():
    x = np.random.default_rng(0).normal(size=(50, 2))
    scaler = StandardScaler().fit(x)
    expected = np.concatenate([x.mean(0), [len(x)], x.std(0), x.var(0)])
    assert learned_numbers(scaler) == pytest.approx(expected)


def test_columns_centered_before_the_split_are_found():
    plain = builtin("wine")
    x = np.concatenate([plain.train.x, plain.test.x])
    y = np.concatenate([plain.train.y, plain.test.y])
    is_test = np.arange(len(y)) >= len(plain.train)
    scaled = table(StandardScaler().fit_transform(x), y, is_test)
    train_only = table(StandardScaler().fit(x[~is_test]).transform(x), y, is_test)
    assert len(centered_before_the_split(scaled)) == 13
    assert not centered_before_the_split(train_only)
    assert not centered_before_the_split(plain)
    finding = found(scaled, Logistic(scaled.train, 3))["columns"]
    assert finding.verdict is Verdict.WARN


def noise(n=300, columns=2000, seed=0):
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 2, n)
    return table(generator.normal(size=(n, columns)), y, np.arange(n) % 2 == 1)


def test_features_selected_on_all_rows_score_far_above_the_folds():
    data = noise()
    model = fitted(pipeline(SelectKBest(k=40)), data, on_all=("selectkbest",))
    scopes = found(data, model)
    assert scopes["inside folds"].verdict is Verdict.FAIL
    assert scopes["inside folds"].estimate.value > 0.15
    assert scopes["steps"].verdict is Verdict.FAIL
    clean = found(data, fitted(pipeline(SelectKBest(k=40)), data))
    assert clean["inside folds"].verdict in (Verdict.PASS, Verdict.NOT_ASSESSED)


def test_permuted_labels_give_chance():
    data = blobs(1500)
    finding = found(data, Logistic(data.train, 2))["inside folds"]
    control, guess = finding.measures[-2:]
    assert finding.verdict is Verdict.PASS
    assert control.low <= guess.value
    assert not finding.alarms


@pytest.mark.parametrize("name", ["wine", "breast-cancer"])
def test_it_is_silent_on_clean_data(name):
    data = builtin(name)
    model = fitted(make_pipeline(StandardScaler(), LogisticRegression()), data)
    verdicts = {finding.verdict for finding in found(data, model).values()}
    assert verdicts <= {Verdict.PASS, Verdict.NOT_ASSESSED}


def test_the_diabetes_data_of_scikit_learn_were_centered_as_a_whole():
    x, y = load_diabetes(return_X_y=True)
    assert len(centered_before_the_split(make_dataset(x, y))) == 10
    raw, _ = load_diabetes(return_X_y=True, scaled=False)
    assert not centered_before_the_split(make_dataset(raw, y))
