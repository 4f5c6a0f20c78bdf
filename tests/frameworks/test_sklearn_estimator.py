import warnings

import numpy as np
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor, VotingClassifier
from sklearn.linear_model import (
    BayesianRidge,
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Perceptron,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR, NuSVC
from torch.autograd import gradcheck

from roadworthy import wrap_model
from roadworthy.core.dataset import Dataset, Feature, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.core.model import Offer

CLASSIFIERS = [
    LogisticRegression(),
    LogisticRegression(penalty="l2", C=0.1, class_weight="balanced"),
    LinearSVC(),
    SVC(kernel="linear"),
    SVC(kernel="rbf"),
    SVC(kernel="poly", degree=3, coef0=0.5),
    SVC(kernel="sigmoid", gamma=0.1),
    NuSVC(nu=0.3),
    MLPClassifier(hidden_layer_sizes=(8,), activation="tanh", max_iter=2000, random_state=0),
    MLPClassifier(hidden_layer_sizes=(6, 5), activation="logistic", max_iter=3000, random_state=0),
    GaussianNB(),
    Perceptron(),
    RidgeClassifier(),
    SGDClassifier(loss="hinge", random_state=0),
    SGDClassifier(loss="log_loss", random_state=0),
    LinearDiscriminantAnalysis(),
    make_pipeline(StandardScaler(), LogisticRegression()),
    make_pipeline(MinMaxScaler(), "passthrough", MultinomialNB()),
    make_pipeline(MaxAbsScaler(), PCA(3, whiten=True, random_state=0), SVC()),
    make_pipeline(RobustScaler(), Normalizer(), LinearSVC()),
]
REGRESSORS = [
    LinearRegression(),
    Ridge(),
    Lasso(0.01),
    ElasticNet(0.01),
    BayesianRidge(),
    SGDRegressor(random_state=0),
    LinearSVR(),
    SVR(),
    SVR(kernel="poly", degree=2),
    MLPRegressor(hidden_layer_sizes=(6,), activation="tanh", max_iter=3000, random_state=0),
    make_pipeline(StandardScaler(), SVR(kernel="sigmoid", gamma=0.05)),
]


def fitted(estimator, data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the estimators say of penalties and convergence
        return estimator.fit(data.train.x.double().numpy(), data.train.y.numpy())


def stated(estimator, x):
    """What scikit-learn itself says."""
    x = x.double().numpy()
    if hasattr(estimator, "classes_"):
        last = estimator[-1] if hasattr(estimator, "steps") else estimator
        if hasattr(estimator, "predict_proba") and not isinstance(last, (SVC, NuSVC)):
            return estimator.predict_proba(x), True
        values = estimator.decision_function(x)
        return np.stack([0 * values, values], 1) if values.ndim == 1 else values, False
    return estimator.predict(x), False


@pytest.mark.parametrize("kind", ["binary", "table"])
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=repr)
def test_classifiers_give_what_scikit_learn_gives_and_exact_gradients(estimator, kind, request):
    data = request.getfixturevalue(kind)
    estimator = fitted(estimator, data)
    check_outputs_and_gradients(estimator, data)


@pytest.mark.parametrize("estimator", REGRESSORS, ids=repr)
def test_regressors_give_what_scikit_learn_gives_and_exact_gradients(estimator, numbers):
    check_outputs_and_gradients(fitted(estimator, numbers), numbers)


def check_outputs_and_gradients(estimator, data):
    model = wrap_model(estimator, data)
    x = data.test.x.double()
    expected, is_probability = stated(estimator, x)
    outputs = model(x)
    outputs = outputs.exp() if is_probability else outputs
    assert np.abs(outputs.numpy() - expected).max() < 1e-6
    assert Offer.GRADIENTS in model.spec.offers
    # the votes of SVC jump where two classes tie: no finite difference may step across
    assert gradcheck(model.forward, x[:5].requires_grad_(), eps=1e-7, atol=1e-4, rtol=1e-3)


def test_outputs_have_the_inputs_dtype(table):
    model = wrap_model(fitted(LogisticRegression(), table), table)
    assert model(table.test.x).dtype == torch.float32


@pytest.mark.parametrize(
    "estimator",
    [RandomForestClassifier(5, random_state=0), CalibratedClassifierCV(LinearSVC()), GaussianNB()],
    ids=repr,
)
def test_any_classifier_gives_its_scores(estimator, table):
    estimator = fitted(estimator, table)
    model = wrap_model(estimator, table)
    expected = estimator.predict(table.test.x.double().numpy())
    assert np.array_equal(model(table.test.x).argmax(1).numpy(), expected)
    assert Offer.SCORES in model.spec.offers


def test_a_forest_offers_no_gradients(numbers):
    model = wrap_model(fitted(RandomForestRegressor(3, random_state=0), numbers), numbers)
    assert Offer.GRADIENTS not in model.spec.offers


def test_unknown_steps_cost_the_gradients_not_the_scores(table):
    estimator = fitted(make_pipeline(PolynomialFeatures(), LogisticRegression()), table)
    assert wrap_model(estimator, table).spec.offers == {Offer.LABELS, Offer.SCORES, Offer.REFIT}


def test_labels_alone_are_offered_as_labels(table):
    estimator = fitted(VotingClassifier([("a", GaussianNB()), ("b", LinearSVC())]), table)
    model = wrap_model(estimator, table)
    expected = estimator.predict(table.test.x.double().numpy())
    assert model.spec.offers == {Offer.LABELS, Offer.REFIT}
    assert np.array_equal(model(table.test.x).argmax(1).numpy(), expected)


def test_a_refit_is_a_fit_on_the_other_rows(table):
    model = wrap_model(fitted(RandomForestClassifier(5), table), table)
    again = model.refit(table.test, seed=7)
    oracle = RandomForestClassifier(5, random_state=7).fit(table.test.x.double(), table.test.y)
    expected = oracle.predict_proba(table.test.x.double())
    assert np.abs(again(table.test.x).exp().numpy() - expected).max() < 1e-6


def test_a_class_that_a_refit_never_saw_gets_the_lowest_score(table):
    model = wrap_model(fitted(LogisticRegression(), table), table)
    again = model.refit(table.train.take(table.train.y != 1), seed=0)
    outputs = again(table.test.x)
    assert outputs.shape[1] == 3
    assert bool((outputs.argmin(1) == 1).all())


def test_classes_are_matched_by_name(binary):
    names = np.array(["yes", "no"])[1 - binary.train.y.numpy()]
    estimator = LogisticRegression().fit(binary.train.x.double().numpy(), names)
    model = wrap_model(estimator, binary)
    expected = estimator.predict(binary.test.x.double().numpy())
    assert [binary.classes[k] for k in model(binary.test.x).argmax(1)] == expected.tolist()
    again = model.refit(binary.train, seed=0)
    assert torch.allclose(again(binary.test.x), model(binary.test.x), atol=1e-5)


def test_columns_are_handed_over_by_name_and_categories_as_text():
    x = torch.tensor([[1.0, 0], [2, 1], [3, 0], [4, 1], [5, 2], [6, 2]] * 2)
    y = torch.tensor([0, 1, 0, 1, 0, 1] * 2)
    features = (Feature("size"), Feature("color", "category", ("blue", "green", "red")))
    split = Split("train", x, y, torch.arange(12))
    data = Dataset(
        "toy", Task.NOMINAL, ("0", "1"), (split, Split("test", x, y, split.ids)), features
    )
    columns = ColumnTransformer(
        [("n", StandardScaler(), ["size"]), ("c", OneHotEncoder(), ["color"])]
    )
    frame = pytest.importorskip("polars").DataFrame(
        {"color": [features[1].categories[int(c)] for c in x[:, 1]], "size": x[:, 0].tolist()}
    )
    estimator = make_pipeline(columns, LogisticRegression()).fit(frame, y.numpy())
    model = wrap_model(estimator, data)
    expected = estimator.predict_proba(frame)
    assert np.abs(model(x.double()).exp().numpy() - expected).max() < 1e-9
    assert model.refit(split, 0)(x).shape == (12, 2)


@pytest.mark.parametrize(
    ("estimator", "sentence"),
    [
        (LogisticRegression(), "not fitted"),
        (LinearRegression().fit(np.eye(4), np.arange(4)), "is no classifier"),
        (LogisticRegression().fit(np.eye(7), np.arange(7) % 3), "7 columns, but toy has 4"),
        (LogisticRegression().fit(np.eye(4), [1, 2, 3, 3]), r"\(1 … 3\), but toy has 3 \(0 … 2\)"),
    ],
)
def test_what_does_not_fit_is_said(table, estimator, sentence):
    with pytest.raises(InputError, match=sentence):
        wrap_model(estimator, table)
