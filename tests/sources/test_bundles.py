import json
import shutil

import pytest
import safetensors.torch
import torch

from roadworthy.core.dataset import Dataset, Feature, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Silent
from roadworthy.frameworks import wrap_model
from roadworthy.recipes import CNN, MLP, LogisticRegression, RandomForest, Ridge
from roadworthy.sources.bundles import load_bundle, save_bundle


def rows(x, y, task, features=()):
    ids = torch.arange(len(x))
    classes = () if task == Task.REGRESSION else ("low", "high")
    splits = (Split("train", x[::2], y[::2], ids[::2]), Split("test", x[1::2], y[1::2], ids[1::2]))
    return Dataset("toy", task, classes, splits, features)


def table(task=Task.NOMINAL):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(60, 3, generator=generator)
    x[:, 2] = (3 * x[:, 2]).floor()
    features = (Feature("a"), Feature("b"), Feature("c", "category", ("u", "v", "w")))
    y = x[:, 0] + x[:, 2] if task == Task.REGRESSION else (x[:, 0] > 0.5).long()
    return rows(x, y, task, features)


def pictures():
    x = torch.rand(24, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    return rows(x, (x.mean((1, 2, 3)) > 0.5).long(), Task.NOMINAL)


CASES = [
    (CNN(width=4, epochs=2), pictures),
    (MLP(epochs=2), table),
    (MLP(epochs=2), lambda: table(Task.REGRESSION)),
    (LogisticRegression(), table),
    (RandomForest(trees=3), table),
    (RandomForest(trees=3), lambda: table(Task.REGRESSION)),
    (Ridge(penalty=2.0), lambda: table(Task.REGRESSION)),
]


@pytest.mark.parametrize(("recipe", "make"), CASES)
def test_a_bundle_gives_the_same_model_back(recipe, make, tmp_path):
    data = make()
    model = recipe.fit(data, data.train, 3, Silent())
    again = load_bundle(save_bundle(model, tmp_path / "bundle"), data)
    assert again.spec == model.spec
    assert torch.equal(again(data.test.x), model(data.test.x))
    refit = again.refit(data.test, 1)
    assert torch.equal(refit(data.test.x), model.refit(data.test, 1)(data.test.x))


@pytest.fixture
def data():
    return table()


@pytest.fixture
def bundle(tmp_path, data):
    recipe = MLP(width=8, epochs=1)
    return save_bundle(recipe.fit(data, data.train, 0, Silent()), tmp_path / "bundle")


def forge(bundle, edit):
    manifest = json.loads((bundle / "bundle.json").read_text())
    edit(manifest)
    (bundle / "bundle.json").write_text(json.dumps(manifest))


def refused(bundle, data, sentence):
    with pytest.raises(InputError, match=sentence):
        load_bundle(bundle, data)


def test_saving_again_replaces_the_bundle(bundle, data):
    model = LogisticRegression().fit(data, data.train, 0, Silent())
    save_bundle(model, bundle)
    assert load_bundle(bundle, data).spec == model.spec
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


def test_a_folder_that_is_no_bundle_is_not_replaced(tmp_path, data):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    model = LogisticRegression().fit(data, data.train, 0, Silent())
    with pytest.raises(InputError, match="is no bundle"):
        save_bundle(model, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_other_models_are_not_bundled(tmp_path, data):
    model = wrap_model(torch.nn.Linear(3, 2), data)
    with pytest.raises(InputError, match="cannot be saved as a bundle"):
        save_bundle(model, tmp_path / "bundle")


def test_loading_leaves_the_callers_random_numbers_alone(bundle, data):
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    load_bundle(bundle, data)
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize("name", ["bundle.json", "weights.safetensors"])
def test_a_missing_file_is_named(bundle, data, name):
    (bundle / name).unlink()
    refused(bundle, data, f"lacks {name}")


@pytest.mark.parametrize("name", ["bundle.json", "weights.safetensors"])
def test_a_link_out_of_the_bundle_is_refused(bundle, data, name):
    outside = bundle.parent / "outside"
    shutil.move(bundle / name, outside)
    (bundle / name).symlink_to(outside)
    refused(bundle, data, "link to a file outside")


def test_changed_weights_are_noticed(bundle, data):
    path = bundle / "weights.safetensors"
    weights = safetensors.torch.load_file(path)
    weights["1.layers.0.bias"][0] += 1e-3
    safetensors.torch.save_file(weights, path)
    refused(bundle, data, "was changed or damaged")


def test_forged_shapes_take_no_memory(bundle, data):
    def edit(manifest):
        manifest["parts"][1]["settings"]["hidden"] = [10**9, 10**9]

    forge(bundle, edit)
    refused(bundle, data, "has the shape")


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (lambda m: m["parts"][1]["settings"].update(hidden=[-1]), "settings of network 'mlp'"),
        (lambda m: m["parts"][1]["settings"].update(hidden="abc"), "settings of network 'mlp'"),
        (lambda m: m["parts"][0]["settings"].update(categories=[10**12]), "columns would come out"),
        (lambda m: m["parts"][1].update(name="os"), "there is no network 'os'"),
        (lambda m: m.update(parts=[]), "does not hold the network's weights"),
        (lambda m: m["parts"].pop(), "does not hold the network's weights"),
        (lambda m: m.update(schema="roadworthy-bundle/9"), "this version reads"),
        (lambda m: m.update(classes=["a", "b", "c"]), "3 classes"),
        (lambda m: m.update(input_shape=[4]), r"inputs of shape \(4,\)"),
        (lambda m: m.update(task="ranking"), "is damaged"),
        (lambda m: m.pop("parts"), "is damaged"),
        (lambda m: m.update(recipe="alchemy"), "'alchemy'"),
        (lambda m: m["settings"].update(gold=1), "has no setting .gold"),
        (lambda m: m["settings"].update(epochs="many"), "a setting of mlp is wrong"),
        (lambda m: m.update(fingerprint="0" * 64), "was changed or damaged"),
    ],
)
def test_a_forged_manifest_is_refused(bundle, data, edit, sentence):
    forge(bundle, edit)
    refused(bundle, data, sentence)


@pytest.mark.parametrize("content", [b"", b"\x00\xff", b"[" * 100_000, b" " * (2 << 20)])
def test_a_manifest_that_is_no_json_is_refused(bundle, data, content):
    (bundle / "bundle.json").write_bytes(content)
    refused(bundle, data, "is damaged|larger than 1 MiB")


@pytest.mark.parametrize("content", [b"", b"\x80\x04N.", b"\xff" * 64])
def test_weights_that_are_no_safetensors_are_refused(bundle, data, content):
    (bundle / "weights.safetensors").write_bytes(content)
    refused(bundle, data, "is damaged")


def test_a_forest_whose_nodes_lead_nowhere_is_refused(tmp_path, data):
    model = RandomForest(trees=2).fit(data, data.train, 0, Silent())
    model.inner.module[0].left.fill_(10**6)
    bundle = save_bundle(model, tmp_path / "bundle")
    refused(bundle, data, "cannot take inputs")
