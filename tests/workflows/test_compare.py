"""Trainings side by side, and the promises that make the comparison fair."""

import numpy as np
import pytest
import torch

from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError
from roadworthy.core.yardstick import Yardstick
from roadworthy.recipes import MLP
from roadworthy.sources import save_bundle
from roadworthy.workflows import compare as comparing
from roadworthy.workflows import training
from roadworthy.workflows.compare import compare
from roadworthy.workflows.contenders import Contender, contender, contenders
from roadworthy.workflows.training import climb, doubling, fit, label_order, train, with_labels
from tests.toy_data import toy


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def data():
    return toy(Task.NOMINAL, "tabular")


def test_a_name_is_a_recipe_its_strategies_and_a_query(data):
    found = contender("mlp+label-smoothing@margin", data, ["mlp.width=8", "cnn.width=3"])
    assert found.recipe.recipe.width == 8
    assert [s.card.name for s in found.recipe.strategies] == ["label-smoothing"]
    assert found.query.card.name == "margin"


def test_without_a_recipe_it_is_the_usual_one(data):
    assert contender("label-smoothing", data).recipe.recipe == MLP()
    assert contender("", data).recipe == MLP()
    assert [each.name for each in contenders(["label-smoothing"], data)] == [
        "mlp",
        "label-smoothing",
    ]


@pytest.mark.parametrize(
    "name", ["mlp+cnn", "mlp@margin@badge", "mlp+margin", "label-smoothing+mlp"]
)
def test_names_that_are_no_training_are_refused(name, data):
    with pytest.raises(InputError):
        contender(name, data)


def test_all_stands_for_what_suits_the_data():
    names = [each.name for each in contenders(["all"], toy(Task.ORDINAL, "tabular"))]
    assert names[0] == "mlp"
    assert "coral" in names
    assert names[-1] == "random-forest"
    assert "adversarial-training" not in names
    texts = [each.name for each in contenders(["all"], toy(Task.NOMINAL, "text"))]
    assert texts[0] == "text-transformer"
    assert {"masked-language-model", "bag-of-words"} <= set(texts)


def test_the_beginnings_of_the_order_are_balanced_and_nested(data):
    order = label_order(data, Yardstick.ACCURACY, 3)
    y = data.train.y
    assert sorted(order.tolist()) == list(range(len(y)))
    share = torch.bincount(y) / len(y)
    for n in (6, 12, 30, 60):
        counts = torch.bincount(y[order[:n]], minlength=3)
        assert ((counts - n * share).abs() <= 1).all()
    assert not torch.equal(order, label_order(data, Yardstick.ACCURACY, 4))


def test_rows_that_are_not_given_have_no_target(data):
    rows = with_labels(data.train, torch.tensor([3, 8]))
    assert rows.is_labelled.nonzero()[:, 0].tolist() == [3, 8]
    assert data.train.is_labelled.all()


def test_every_training_may_pass_as_many_rows():
    data = toy(Task.NOMINAL, "tabular")
    seen = []

    class Counted(MLP):
        def plan(self, *given):
            plan = super().plan(*given)
            return plan.add(augment=(lambda x: seen.append(len(x)) or x,))

    for n in (6, 30, 90):
        seen.clear()
        fit(Counted(), data, label_order(data, Yardstick.ACCURACY, 0)[:n], 0, passes=1800)
        assert sum(seen) == 1800


def test_a_query_keeps_the_first_labels_and_chooses_the_rest(data):
    order = label_order(data, Yardstick.ACCURACY, 0)
    chosen = contender("mlp@margin", data, ["mlp.epochs=2"])
    *_, (given, _) = climb(chosen, data, order, (6, 12, 24), passes=500, seed=0)
    assert given[:6].tolist() == order[:6].tolist()
    assert len(set(given.tolist())) == 24
    assert set(given.tolist()) != set(order[:24].tolist())


def test_numbers_double_up_to_the_last():
    assert doubling(20, 100) == (20, 40, 80, 100)
    assert doubling(5, 5) == (5,)


def test_a_training_learns_and_says_how_well(data):
    found = train(data, "mlp", labels=60, passes=6000)
    assert found.labels == 60
    assert found.score.value > 0.8
    assert found.score.n == len(data.test)
    asked = train(data, "mlp@margin", labels=48, passes=2000)
    assert asked.labels == 48
    assert asked.score.value > 0.8
    with pytest.raises(InputError, match="120 rows with a target: 500"):
        train(data, "mlp", labels=500)


def test_what_is_finished_is_read_and_not_trained_again(data, tmp_path, monkeypatch):
    names = ("mlp", "label-smoothing")
    first = compare(data, names, labels=(12, 24), seeds=2, passes=600, store=tmp_path)
    monkeypatch.setattr(comparing, "fit", lambda *_, **__: pytest.fail("trained again"))
    again = compare(data, names, labels=(12, 24), seeds=2, passes=600, store=tmp_path)
    assert np.array_equal(first.told, again.told)
    assert first.sentence == again.sentence
    with pytest.raises(pytest.fail.Exception, match="trained again"):
        compare(data, names, labels=(12, 24), seeds=2, passes=600, store=tmp_path, fresh=True)


def test_what_started_from_other_weights_is_trained_again(data, tmp_path):
    asked = {"labels": (12, 24), "seeds": 2, "passes": 600, "store": tmp_path / "store"}
    found = []
    for seed in (1, 2, 1):
        save_bundle(train(data, "mlp", passes=2000, seed=seed).model, tmp_path / "start")
        start = [f"fine-tune.source={tmp_path / 'start'}"]
        found.append(compare(data, contenders(["mlp", "fine-tune"], data, start), **asked))
    assert not np.array_equal(found[0].told[1], found[1].told[1])
    assert np.array_equal(found[0].told, found[2].told)


def test_equal_recipes_come_to_equal_errors(data):
    entrants = [Contender("one", MLP(epochs=1)), Contender("two", MLP(epochs=1))]
    found = compare(data, entrants, labels=(12, 24), seeds=2, passes=600)
    assert np.array_equal(found.told[0], found.told[1])  # the same rows, weights and steps
    assert found.names == ("one", "two")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no GPU")
def test_a_gpu_comes_to_the_same_but_for_rounding(data):
    asked = {"labels": (12, 48), "seeds": 2, "passes": 2000}
    found = [compare(data, ("mlp", "mlp@margin"), **asked, device=d) for d in ("cpu", "cuda")]
    assert np.abs(found[0].told.mean((2, 3)) - found[1].told.mean((2, 3))).max() < 0.1
    assert np.isnan(found[1].joules).all()


def test_comparisons_of_nothing_are_refused(data):
    for given in ({"labels": (1,)}, {"labels": (500,)}, {"seeds": 1}):
        with pytest.raises(InputError, match="a comparison takes"):
            compare(data, ("mlp",), **given)


def test_what_cannot_be_trained_is_left_out_with_its_reason(data):
    found = compare(data, ("mlp", "fixmatch"), labels=(12, 120), seeds=2, passes=600)
    assert found.names == ("mlp",)
    assert "learns from rows without a target too" in found.left_out["fixmatch"]


def test_a_query_trains_once_with_each_number_of_labels(data, tmp_path, monkeypatch):
    trained = []

    def counted(recipe, data, given, *rest, **more):
        trained.append(len(given))
        return fit(recipe, data, given, *rest, **more)

    monkeypatch.setattr(training, "fit", counted)
    names, labels = ("mlp", "mlp@margin"), (12, 24, 48)
    first = compare(data, names, labels=labels, seeds=2, passes=600, store=tmp_path)
    assert trained == [12, 24, 48] * 2
    again = compare(data, names, labels=labels, seeds=2, passes=600, store=tmp_path)
    assert len(trained) == 6
    assert np.array_equal(first.told, again.told)
