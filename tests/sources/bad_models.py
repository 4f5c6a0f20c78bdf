"""Models that must be refused, as the words of a command line."""

import io
import json
import pickle
import zipfile
from pathlib import Path

import joblib
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from roadworthy.core.progress import Silent
from roadworthy.recipes import MLP
from roadworthy.sources.bundles import save_bundle
from roadworthy.sources.datasets import load_dataset


class Trap:
    """A pickle that makes the file `sprung` beside it when it is loaded."""

    def __init__(self, folder):
        self.path = folder / "sprung"

    def __reduce__(self):
        return Path.touch, (self.path,)


def estimator():
    return LogisticRegression().fit(np.eye(64)[:20], np.arange(20) % 10)


def trap(folder, name):
    (folder / name).write_bytes(pickle.dumps(Trap(folder)))
    return [str(folder / name), "digits"]


def untrusted_pickle(folder):
    return trap(folder, "model.pkl")


def pickle_named_onnx(folder):
    return trap(folder, "model.onnx")


def pickle_named_skops(folder):
    return trap(folder, "model.skops")


def pickle_named_pt2(folder):
    return trap(folder, "model.pt2")


def pickle_without_a_known_name(folder):
    return trap(folder, "weights")


def untrusted_joblib(folder):
    joblib.dump(estimator(), folder / "model.joblib")
    return [str(folder / "model.joblib"), "digits"]


def untrusted_module(folder):
    torch.save(nn.Linear(64, 10), folder / "model.pt")
    return [str(folder / "model.pt"), "digits"]


def weights_without_a_network(folder):
    torch.save(nn.Linear(64, 10).state_dict(), folder / "model.pt")
    return [str(folder / "model.pt"), "digits", "--trust"]


def torch_file_named_onnx(folder):
    torch.save(nn.Linear(64, 10), folder / "model.onnx")
    return [str(folder / "model.onnx"), "digits"]


def torch_file_named_pt2(folder):
    torch.save(nn.Linear(64, 10), folder / "model.pt2")
    return [str(folder / "model.pt2"), "digits"]


def exported_with_a_pickle(folder):
    """An archive whose only constant is a pickle."""
    program = torch.export.export(nn.Sequential(nn.Flatten()), (torch.zeros(1, 1, 8, 8),))
    content = io.BytesIO()
    torch.export.save(program, content)
    with zipfile.ZipFile(content) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    root = next(iter(members)).partition("/")[0]
    members[f"{root}/data/constants/opaque_obj_0"] = pickle.dumps(Trap(folder))
    with zipfile.ZipFile(folder / "model.pt2", "w") as archive:
        for name, part in members.items():
            archive.writestr(name, part)
    return [str(folder / "model.pt2"), "digits"]


def bundle(folder):
    data = load_dataset("digits")
    model = MLP(width=8, epochs=1).fit(data, data.train, 0, Silent())
    return save_bundle(model, folder / "bundle")


def bundle_with_linked_weights(folder):
    path = bundle(folder) / "weights.safetensors"
    path.rename(folder / "elsewhere")
    path.symlink_to(folder / "elsewhere")
    return [str(folder / "bundle"), "digits"]


def bundle_with_a_missing_file(folder):
    (bundle(folder) / "weights.safetensors").unlink()
    return [str(folder / "bundle"), "digits"]


def bundle_with_forged_shapes(folder):
    path = bundle(folder) / "bundle.json"
    manifest = json.loads(path.read_text())
    manifest["parts"][1]["settings"]["hidden"] = [10**9, 10**9]
    path.write_text(json.dumps(manifest))
    return [str(folder / "bundle"), "digits"]


def bundle_with_changed_weights(folder):
    path = bundle(folder) / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    return [str(folder / "bundle"), "digits"]


def bundle_for_other_data(folder):
    return [str(bundle(folder)), "wine"]


def folder_without_a_bundle(folder):
    (folder / "empty").mkdir()
    return [str(folder / "empty"), "digits"]


def written(folder, body, name="make", data="digits"):
    (folder / "mine.py").write_text(f"import numpy as np\nimport torch\n{body}\n")
    return [f"mine:{name}", data]


def module_that_is_missing(folder):
    return ["no_such_module:make", "digits"]


def function_that_is_missing(folder):
    return written(folder, "def other(): ...")


def module_with_a_mistake(folder):
    return written(folder, "def make(:")


def factory_that_fails(folder):
    return written(folder, "def make():\n    return {}['weights']")


def factory_that_gives_no_model(folder):
    return written(folder, "def make():\n    return [1, 2, 3]")


def outputs_that_are_nan(folder):
    return written(folder, "def make(x):\n    return np.full((len(x), 10), np.nan)")


def too_few_outputs(folder):
    return written(folder, "def make():\n    return torch.nn.Linear(64, 9)")


def labels_from_one(folder):
    return written(folder, "def make(x):\n    return np.arange(len(x)) % 10 + 1")


def inputs_of_another_shape(folder):
    return written(folder, "def make():\n    return torch.nn.Linear(784, 10)")


def estimator_that_is_not_fitted(folder):
    body = "from sklearn.svm import SVC\ndef make():\n    return SVC()"
    return written(folder, body)


def classifier_on_numbers(folder):
    body = "from sklearn.linear_model import LogisticRegression\ndef make():\n"
    body += "    return LogisticRegression().fit(np.eye(10), np.arange(10) % 2)"
    return written(folder, body, data="diabetes")


def many_outputs_on_numbers(folder):
    return written(folder, "def make():\n    return torch.nn.Linear(10, 3)", data="diabetes")


def unknown_name(folder):
    return ["digits-cn", "digits"]


def missing_file(folder):
    return [str(folder / "none.onnx"), "digits"]


def file_of_another_kind(folder):
    (folder / "model.txt").write_text("not a model")
    return [str(folder / "model.txt"), "digits"]


def cnn_on_a_table(folder):
    return ["cnn", "wine"]


def classification_recipe_on_numbers(folder):
    return ["logistic-regression", "diabetes"]


def regression_recipe_on_classes(folder):
    return ["ridge", "wine"]


BAD_MODELS = [
    (case.__name__.replace("_", "-"), case)
    for case in (
        untrusted_pickle, pickle_named_onnx, pickle_named_skops, pickle_named_pt2,
        pickle_without_a_known_name, untrusted_joblib, untrusted_module,
        weights_without_a_network, torch_file_named_onnx, torch_file_named_pt2,
        exported_with_a_pickle, bundle_with_linked_weights, bundle_with_a_missing_file,
        bundle_with_forged_shapes, bundle_with_changed_weights, bundle_for_other_data,
        folder_without_a_bundle, module_that_is_missing, function_that_is_missing,
        module_with_a_mistake, factory_that_fails, factory_that_gives_no_model,
        outputs_that_are_nan, too_few_outputs, labels_from_one, inputs_of_another_shape,
        estimator_that_is_not_fitted, classifier_on_numbers, many_outputs_on_numbers,
        unknown_name, missing_file, file_of_another_kind, cnn_on_a_table,
        classification_recipe_on_numbers, regression_recipe_on_classes,
    )
]  # fmt: skip
