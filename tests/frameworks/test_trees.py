import numpy as np
import pytest
import torch
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from roadworthy import wrap_model
from roadworthy.core.errors import InputError, NotAssessed
from roadworthy.core.model import Offer
from roadworthy.core.tree_ensemble import below, strictly_below
from roadworthy.sources.models import load_model

FORESTS = [
    DecisionTreeClassifier(random_state=0),
    RandomForestClassifier(5, random_state=0),
    ExtraTreesClassifier(5, random_state=0),
]
BOOSTED = [
    GradientBoostingClassifier(n_estimators=4, random_state=0),
    HistGradientBoostingClassifier(max_iter=4, min_samples_leaf=3, random_state=0),
]


def fitted(estimator, data):
    return estimator.fit(data.train.x.numpy(), data.train.y.numpy())


def random_rows(data, n=300):
    generator = torch.Generator().manual_seed(1)
    return 2 * torch.randn(n, data.test.x.shape[1], generator=generator)


@pytest.mark.parametrize("estimator", FORESTS, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("name", ["table", "binary"])
def test_a_forest_adds_up_to_the_librarys_probabilities(estimator, name, request):
    data = request.getfixturevalue(name)
    model, x = wrap_model(fitted(estimator, data), data), random_rows(data)
    sums = model.trees().add_up(x)
    assert np.allclose(sums, estimator.predict_proba(x.numpy()), atol=1e-12)


@pytest.mark.parametrize("estimator", BOOSTED, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("name", ["table", "binary"])
def test_boosted_trees_add_up_to_the_librarys_decisions(estimator, name, request):
    data = request.getfixturevalue(name)
    model, x = wrap_model(fitted(estimator, data), data), random_rows(data)
    logs = model.trees().add_up(x).log_softmax(1)
    assert np.allclose(logs, np.log(estimator.predict_proba(x.numpy())), atol=1e-9)


def test_a_class_that_was_never_seen_is_never_chosen(table):
    seen = table.train.y != 1
    estimator = DecisionTreeClassifier(random_state=0)
    estimator.fit(table.train.x[seen].numpy(), table.train.y[seen].numpy())
    model, x = wrap_model(estimator, table), random_rows(table)
    sums = model.trees().add_up(x)
    assert torch.equal(sums.argmax(1), model(x).argmax(1))
    assert not (sums.argmax(1) == 1).any()


def test_the_random_forest_baseline_hands_out_its_trees(table):
    model, x = load_model("random-forest", table), random_rows(table)
    assert Offer.TREES in model.spec.offers
    floor = torch.finfo(torch.float64).eps
    assert torch.allclose(model.trees().add_up(x).clamp_min(floor).log().float(), model(x))


def test_a_model_without_trees_offers_none(table):
    model = wrap_model(fitted(LogisticRegression(), table), table)
    assert Offer.TREES not in model.spec.offers
    with pytest.raises(NotAssessed, match="trees"):
        model.trees()


def test_every_input_lies_in_the_box_of_its_leaf_and_in_no_other(table):
    trees = wrap_model(fitted(DecisionTreeClassifier(random_state=0), table), table).trees()
    x, (low, high) = random_rows(table), trees.boxes
    x[: len(trees.leaves)] = torch.where(high.isfinite(), high, x[: len(trees.leaves)])
    is_in = ((x[:, None] >= low) & (x[:, None] <= high)).all(2)
    assert (is_in.sum(1) == 1).all()
    assert torch.equal(trees.leaves[is_in.int().argmax(1)], trees.find_leaves(x)[:, 0])


def test_a_rounded_threshold_splits_float32_numbers_as_the_exact_one_does():
    threshold = torch.tensor([0.1, 1.0, -0.3, 1e-9, 16777217.0], dtype=torch.float64)
    up, down = torch.full((5,), float("inf")), torch.full((5,), float("-inf"))
    near = threshold.float()
    for x in (near, torch.nextafter(near, up), torch.nextafter(near, down)):
        assert torch.equal(x <= below(threshold), x.double() <= threshold)
        assert torch.equal(x <= strictly_below(threshold), x.double() < threshold)


def xgboost_estimator(**more):
    xgboost = pytest.importorskip("xgboost", reason="XGBoost is not installed")
    return xgboost.XGBClassifier(n_estimators=4, max_depth=3, n_jobs=1, **more)


def lightgbm_estimator(**more):
    lightgbm = pytest.importorskip("lightgbm", reason="LightGBM is not installed")
    settings = {"n_estimators": 4, "min_child_samples": 3, "n_jobs": 1, "verbose": -1}
    return lightgbm.LGBMClassifier(**settings | more)


def booster_of(estimator):
    return estimator.get_booster() if hasattr(estimator, "get_booster") else estimator.booster_


@pytest.mark.parametrize("make", [xgboost_estimator, lightgbm_estimator])
@pytest.mark.parametrize("is_native", [True, False])
@pytest.mark.parametrize("name", ["table", "binary"])
def test_a_booster_adds_up_to_the_librarys_probabilities(make, is_native, name, request):
    data = request.getfixturevalue(name)
    estimator = fitted(make(), data)
    model = wrap_model(booster_of(estimator) if is_native else estimator, data)
    x = random_rows(data)
    x[:100] = data.train.x[:1].expand(100, -1)  # on thresholds, not only between them
    at = torch.arange(100) % len(model.trees().threshold)
    x[torch.arange(100), model.trees().feature[at]] = model.trees().threshold[at]
    expected = estimator.predict_proba(x.numpy())
    assert np.allclose(model.trees().add_up(x).softmax(1), expected, atol=1e-5)
    assert np.allclose(model(x).softmax(1), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "suffix"),
    [(xgboost_estimator, ".ubj"), (xgboost_estimator, ".json"), (lightgbm_estimator, ".txt")],
)
def test_a_saved_booster_is_read_by_path(make, suffix, table, tmp_path):
    estimator, path = fitted(make(), table), tmp_path / f"model{suffix}"
    booster_of(estimator).save_model(str(path))
    model, x = load_model(path, table), random_rows(table)
    assert Offer.TREES in model.spec.offers
    assert np.allclose(model(x).softmax(1), estimator.predict_proba(x.numpy()), atol=1e-5)


@pytest.mark.parametrize("suffix", [".ubj", ".json", ".txt"])
def test_a_file_of_something_else_is_refused_whether_or_not_the_library_is_there(
    suffix, table, tmp_path
):
    path = tmp_path / f"model{suffix}"
    path.write_text("nothing that a library saved")
    with pytest.raises(InputError, match="is no model that"):
        load_model(path, table)


@pytest.mark.parametrize(
    ("make", "suffix"), [(xgboost_estimator, ".json"), (lightgbm_estimator, ".txt")]
)
def test_half_a_saved_booster_is_refused_with_a_sentence(make, suffix, table, tmp_path):
    path = tmp_path / f"model{suffix}"
    booster_of(fitted(make(), table)).save_model(str(path))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match="is no model that"):
        load_model(path, table)
