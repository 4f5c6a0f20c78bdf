import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression as Oracle
from sklearn.linear_model import Ridge as RidgeOracle
from sklearn.preprocessing import StandardScaler
from torch.nn.functional import one_hot

from roadworthy.core.dataset import Dataset, Feature, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.core.model import Offer
from roadworthy.core.progress import Silent
from roadworthy.networks import Part, build
from roadworthy.networks.tabular_encoder import TabularEncoder
from roadworthy.recipes import CNN, MLP, DigitsCNN, LogisticRegression, RandomForest, Ridge


def halves(x, y, task=Task.NOMINAL, features=()):
    """Odd rows are for testing."""
    ids = torch.arange(len(x))
    classes = () if task == Task.REGRESSION else tuple(str(k) for k in range(int(y.max()) + 1))
    parts = (Split(n, x[s::2], y[s::2], ids[s::2]) for n, s in (("train", 0), ("test", 1)))
    return Dataset("halves", task, classes, tuple(parts), features)


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return halves(torch.tensor(data.images / 16).float()[:, None], torch.tensor(data.target))


@pytest.fixture(scope="module")
def cancer():
    data = load_breast_cancer()
    return halves(torch.tensor(data.data).float(), torch.tensor(data.target))


@pytest.fixture(scope="module")
def diabetes():
    data = load_diabetes(scaled=False)
    x, y = torch.tensor(data.data).float(), torch.tensor(data.target).float()
    return halves(x, y, Task.REGRESSION)


def fit(recipe, data):
    return recipe.fit(data, data.train, 0, Silent())


def accuracy(model, data):
    return float((model(data.test.x).argmax(1) == data.test.y).float().mean())


def test_a_forest_gives_scikit_learns_probabilities(digits):
    oracle = RandomForestClassifier(20, random_state=0)
    oracle.fit(digits.train.x.flatten(1).numpy(), digits.train.y.numpy())
    expected = oracle.predict_proba(digits.test.x.flatten(1).numpy())
    outputs = fit(RandomForest(trees=20), digits)(digits.test.x.double())
    assert np.abs(outputs.exp().numpy() - expected).max() < 1e-12


def test_a_forest_gives_scikit_learns_numbers(diabetes):
    oracle = RandomForestRegressor(20, random_state=0)
    oracle.fit(diabetes.train.x.numpy(), diabetes.train.y.numpy())
    expected = oracle.predict(diabetes.test.x.numpy())
    outputs = fit(RandomForest(trees=20), diabetes)(diabetes.test.x.double())
    assert np.abs(outputs.numpy() - expected).max() < 1e-9


def test_a_forest_offers_scores_but_no_gradients(diabetes):
    offers = fit(RandomForest(trees=2), diabetes).spec.offers
    assert offers == {Offer.LABELS, Offer.SCORES, Offer.REFIT}


def test_logistic_regression_is_scikit_learns_on_standardized_numbers(cancer):
    scaler = StandardScaler().fit(cancer.train.x.double().numpy())
    oracle = Oracle(max_iter=500).fit(
        scaler.transform(cancer.train.x.double().numpy()), cancer.train.y.numpy()
    )
    expected = oracle.predict_proba(scaler.transform(cancer.test.x.double().numpy()))
    outputs = fit(LogisticRegression(), cancer)(cancer.test.x)
    # float32 weights, and two runs of L-BFGS that stop at a tolerance of 1e-4
    assert np.abs(outputs.softmax(1).numpy() - expected).max() < 1e-3


def test_ridge_is_scikit_learns_on_standardized_numbers(diabetes):
    scaler = StandardScaler().fit(diabetes.train.x.double().numpy())
    oracle = RidgeOracle().fit(
        scaler.transform(diabetes.train.x.double().numpy()), diabetes.train.y.numpy()
    )
    expected = oracle.predict(scaler.transform(diabetes.test.x.double().numpy()))
    outputs = fit(Ridge(), diabetes)(diabetes.test.x)
    assert np.abs(outputs.numpy() - expected).max() < 1e-2  # of numbers around 150, in float32


def test_the_encoder_standardizes_numbers_and_spreads_codes():
    x = torch.tensor([[1.0, 2, 5], [3, 0, 5], [5, 1, 5]])
    encoder = TabularEncoder([0, 3, 0])
    encoder.measure(x)
    expected = torch.cat(
        [
            ((x[:, :1] - 3) / x[:, :1].std(unbiased=False)),
            torch.zeros(3, 1),  # a constant column
            one_hot(x[:, 1].long(), 3).float(),
        ],
        1,
    )
    assert torch.allclose(encoder(x), expected)


def test_gradients_reach_the_raw_numbers_of_a_table():
    x = torch.tensor([[0.0, 1], [10, 0], [20, 1], [30, 0]]).repeat(10, 1)
    features = (Feature("size"), Feature("color", "category", ("red", "blue")))
    data = halves(x, (x[:, 0] > 12).long(), features=features)
    model = fit(MLP(), data)
    inputs = data.test.x[:2].clone().requires_grad_()
    model(inputs)[:, 1].sum().backward()
    assert bool((inputs.grad[:, 0] != 0).all())
    assert bool((inputs.grad[:, 1] == 0).all())


def test_weights_do_not_depend_on_the_number_of_threads(digits):
    prints = set()
    for threads in (2, 1):
        torch.set_num_threads(threads)
        prints.add(fit(DigitsCNN(epochs=1), digits).spec.fingerprint)
        assert torch.get_num_threads() == threads
    assert len(prints) == 1


@pytest.mark.slow
def test_the_default_learns_the_digits(digits):
    assert accuracy(fit(DigitsCNN(), digits), digits) > 0.96  # from half of them


@pytest.mark.parametrize(
    ("recipe", "least"), [(MLP(), 0.93), (LogisticRegression(), 0.93), (RandomForest(), 0.93)]
)
def test_tables_are_learned(recipe, least, cancer):
    assert accuracy(fit(recipe, cancer), cancer) > least


@pytest.mark.parametrize("recipe", [MLP(), Ridge(), RandomForest()])
def test_numbers_are_learned(recipe, diabetes):
    outputs, y = fit(recipe, diabetes)(diabetes.test.x), diabetes.test.y
    assert 1 - float((outputs - y).square().sum() / (y - y.mean()).square().sum()) > 0.3


@pytest.mark.parametrize(("side", "stages"), [(6, 1), (8, 2), (28, 3), (96, 5)])
def test_a_cnn_halves_images_down_to_two_or_three_pixels(side, stages):
    data = halves(torch.rand(4, 2, side, side), torch.tensor([0, 1, 0, 1]))
    model = CNN(width=4, epochs=1).fit(data, data.train, 0, Silent())
    assert len(model.parts[1].settings["widths"]) == stages


def test_images_too_small_for_a_cnn_are_refused():
    data = halves(torch.rand(4, 1, 3, 9), torch.tensor([0, 1, 0, 1]))
    with pytest.raises(InputError, match="at least 4 × 4"):
        fit(CNN(), data)


def test_a_network_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="there is no network 'transformer'"):
        build((Part("transformer"),))
