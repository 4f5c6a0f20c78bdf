import pickle
import sys

import joblib
import pytest
import torch
from sklearn.linear_model import LogisticRegression as Estimator

from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.recipes import LogisticRegression
from roadworthy.sources.bundles import save_bundle
from roadworthy.sources.models import load_model


@pytest.fixture(scope="module")
def data():
    x = torch.rand(80, 4, generator=torch.Generator().manual_seed(0))
    y, ids = (x[:, 0] > 0.5).long(), torch.arange(80)
    splits = (Split("train", x[:40], y[:40], ids[:40]), Split("test", x[40:], y[40:], ids[40:]))
    return Dataset("toy", Task.NOMINAL, ("no", "yes"), splits)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder whose modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("mine", "broken", "failing"):
        sys.modules.pop(name, None)


def choices(model, data):
    return model(data.test.x).argmax(1)


class Log:
    """Progress that remembers what was begun."""

    def __init__(self):
        self.begun = []

    def plan(self, seconds): ...

    def begin(self, label, seconds):
        self.begun.append(label)

    def advance(self, share): ...

    def end(self): ...


def test_a_baseline_is_trained_once_and_then_read(data, tmp_path):
    log = Log()
    first = load_model("mlp", data, seed=1, store=tmp_path, progress=log)
    again = load_model("MLP", data, seed=1, store=tmp_path, progress=log)
    assert log.begun == ["Training mlp"]
    assert again.spec == first.spec
    assert torch.equal(again(data.test.x), first(data.test.x))


def test_another_seed_or_dataset_is_trained_anew(data, tmp_path):
    log = Log()
    other = Dataset("other", data.task, data.classes, (data.test, data.train))
    load_model("logreg", data, seed=1, store=tmp_path, progress=log)
    load_model("logreg", data, seed=2, store=tmp_path, progress=log)
    flipped = tuple(Split(s.name, 1 - s.x, s.y, s.ids) for s in other.splits)
    load_model(
        "logreg",
        Dataset("other", data.task, data.classes, flipped),
        seed=1,
        store=tmp_path,
        progress=log,
    )
    assert len(log.begun) == 3


def test_a_damaged_baseline_is_trained_anew(data, tmp_path):
    first = load_model("logreg", data, store=tmp_path)
    (kept,) = (tmp_path / "models").iterdir()
    (kept / "weights.safetensors").write_bytes(b"half")
    again = load_model("logreg", data, store=tmp_path)
    assert again.spec == first.spec
    assert len(list((tmp_path / "models").iterdir())) == 1


def test_without_a_store_nothing_is_kept(data, here):
    load_model("logreg", data)
    assert not list(here.iterdir())


def test_a_bundle_folder_is_loaded(data, tmp_path):
    model = load_model("logreg", data)
    save_bundle(model, tmp_path / "bundle")
    assert load_model(str(tmp_path / "bundle"), data).spec == model.spec


SOURCE = """
import numpy as np, torch
from sklearn.linear_model import LogisticRegression

def make():
    torch.manual_seed(0)
    return torch.nn.Linear(4, 2)

def predict(x):
    return (np.asarray(x)[:, 0] > 0.5).astype(int)

def predict_any(x, scale=1.0):
    return (np.asarray(x)[:, 0] > 0.5).astype(int)

module = make()
estimator = LogisticRegression().fit(np.eye(4), [0, 1, 0, 1])

class Holder:
    predict = staticmethod(predict)
"""


@pytest.mark.parametrize(
    "name", ["make", "predict", "predict_any", "module", "estimator", "Holder.predict"]
)
def test_a_name_in_a_module_is_a_model_or_makes_one(data, here, name):
    (here / "mine.py").write_text(SOURCE)
    model = load_model(f"mine:{name}", data)
    assert model.spec.name == f"mine:{name}"
    if "predict" in name:
        assert torch.equal(choices(model, data) == 1, data.test.x[:, 0] > 0.5)


def test_importing_leaves_the_search_path_alone(data, here):
    (here / "mine.py").write_text(SOURCE)
    before = list(sys.path)
    load_model("mine:module", data)
    assert sys.path == before


def estimator(data):
    return Estimator().fit(data.train.x.double().numpy(), data.train.y.numpy())


def pickled(data, path):
    path.write_bytes(pickle.dumps(estimator(data)))


def joblibbed(data, path):
    joblib.dump(estimator(data), path)


def torched(data, path):
    torch.manual_seed(0)
    torch.save(torch.nn.Linear(4, 2), path)


@pytest.mark.parametrize(
    ("save", "name"),
    [
        (pickled, "a.pkl"),
        (pickled, "a.onnx"),
        (pickled, "a.weights"),
        (joblibbed, "a.joblib"),
        (torched, "a.pt"),
        (torched, "a.onnx"),
    ],
)
def test_a_pickle_is_loaded_only_when_trusted(data, tmp_path, save, name):
    save(data, tmp_path / name)
    with pytest.raises(InputError, match=r"is a pickle.*--trust"):
        load_model(tmp_path / name, data)
    assert load_model(tmp_path / name, data, trust=True).spec.name == name


def test_weights_alone_are_no_model(data, tmp_path):
    torch.save(torch.nn.Linear(4, 2).state_dict(), tmp_path / "a.pt")
    with pytest.raises(InputError, match="weights without the network"):
        load_model(tmp_path / "a.pt", data, trust=True)


def test_a_damaged_pickle_is_said_even_when_trusted(data, tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"\x80\x04nonsense")
    with pytest.raises(InputError, match="cannot be loaded"):
        load_model(tmp_path / "a.pkl", data, trust=True)


def test_a_skops_file_is_loaded(data, tmp_path):
    skops = pytest.importorskip("skops.io")
    skops.dump(estimator(data), tmp_path / "a.skops")
    expected = estimator(data).predict(data.test.x.double().numpy())
    assert choices(load_model(tmp_path / "a.skops", data), data).tolist() == expected.tolist()


class Odd(Estimator):
    """An estimator that skops does not know."""


def test_a_skops_file_with_unknown_types_must_be_trusted(data, tmp_path):
    skops = pytest.importorskip("skops.io")
    odd = Odd().fit(data.train.x.double().numpy(), data.train.y.numpy())
    skops.dump(odd, tmp_path / "a.skops")
    with pytest.raises(InputError, match=r"Odd.*--trust"):
        load_model(tmp_path / "a.skops", data)
    assert load_model(tmp_path / "a.skops", data, trust=True).spec.outputs == 2


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("logistic-regresion", "did you mean logistic-regression"),
        ("zebra", "baselines are bag-of-words"),
        ("models/none.onnx", "no file or folder"),
        ("there.is.none:make", "no module there"),
        ("json:none", "json has no none"),
        ("json:JSONDecoder.none", "has no JSONDecoder.none"),
        ("cnn", "learns from image inputs"),
        ("ridge", "learns regression tasks"),
    ],
)
def test_what_does_not_exist_or_fit_is_said(data, here, source, sentence):
    with pytest.raises(InputError, match=sentence):
        load_model(source, data)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("import missing_package", "needs missing_package"),
        ("def broken(:", "cannot be imported: SyntaxError"),
        ("x = undefined", "cannot be imported: NameError"),
    ],
)
def test_a_module_that_cannot_be_imported_is_said(data, here, source, sentence):
    (here / "broken.py").write_text(source)
    with pytest.raises(InputError, match=sentence):
        load_model("broken:make", data)


def test_a_factory_that_fails_is_said(data, here):
    (here / "failing.py").write_text("def make():\n    raise KeyError('weights')")
    with pytest.raises(InputError, match=r"failing:make\(\) fails: KeyError"):
        load_model("failing:make", data)


@pytest.mark.parametrize(
    ("name", "content"), [("a.txt", "hello"), ("a.onnx", "x"), ("a.skops", "x")]
)
def test_a_file_of_another_kind_is_said(data, tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=f"{name} is no"):
        load_model(tmp_path / name, data)


def test_a_folder_that_is_no_bundle_is_said(data, tmp_path):
    with pytest.raises(InputError, match="is no bundle"):
        load_model(tmp_path, data)


def test_the_recipe_of_a_bundle_is_known(data):
    assert load_model("logreg", data).recipe == LogisticRegression()
