"""Keras takes one backend per process: each is tried in a process of its own."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from roadworthy import load_model
from roadworthy.core.errors import InputError

pytestmark = pytest.mark.skipif(find_spec("keras") is None, reason="Keras is not installed")
ROOT = Path(__file__).parents[2]

SETUP = """
import sys
import warnings
import torch
import roadworthy as rw
from pathlib import Path
from tests.frameworks import twins
from tests.frameworks.conftest import rows

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what a backend says of its own parts while imported
    import keras
torch.set_num_threads(1)
images = torch.rand(60, 2, 6, 6, generator=torch.Generator().manual_seed(0))
data = rows(images, torch.arange(60) % 3)
twin = twins.cnn()
layers = keras.layers
model = keras.Sequential([
    keras.Input((6, 6, 2)), layers.Conv2D(4, 3, activation="relu"),
    layers.Dropout(0.5), layers.Flatten(), layers.Dense(3),
])
model.set_weights([part for pair in twins.arrays(twin) for part in pair])
"""


def run(backend, code, folder):
    needed = {"jax": "jax", "tensorflow": "tensorflow"}.get(backend)
    if needed and find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed")
    done = subprocess.run(
        [sys.executable, "-c", SETUP + code, folder],
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            "KERAS_HOME": str(folder),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"])
def test_outputs_gradients_and_attacks_are_the_twins(backend, tmp_path):
    code = """
wrapped = rw.wrap_model(model, data)
for size in (30, 30, 7, 1):
    twins.assert_same(wrapped, twin, data.test.x[:size])
found = twins.robust_accuracy(wrapped, data, 0.02)
assert found == twins.robust_accuracy(rw.wrap_model(twin, data), data, 0.02)
assert any("channels last" in note for note in wrapped.spec.notes)
assert wrapped.spec.parameters == 4 * 18 + 4 + 64 * 3 + 3
if keras.backend.backend() == "torch":
    x = data.test.x.clone().requires_grad_()
    wrapped(x).sum().backward()
    assert all(weight.value.grad is None for weight in model.weights)
path = Path(sys.argv[1], "model.keras")
model.save(path)
loaded = rw.load_model(path, data)
assert torch.allclose(loaded(data.test.x), wrapped(data.test.x), atol=1e-6)
assert loaded.spec.name == "model.keras"
assert loaded.spec.fingerprint == wrapped.spec.fingerprint
"""
    run(backend, code, tmp_path)


@pytest.mark.slow
def test_a_file_that_brings_code_is_refused(tmp_path):
    code = """
path = Path(sys.argv[1], "model.keras")
trap = Path(sys.argv[1], "sprung")
model.add(layers.Lambda(lambda x: x + 0 * len(__import__("os").listdir("."))))
model.save(path)
try:
    rw.load_model(path, data)
except rw.InputError as error:
    assert "--trust" in str(error), error
else:
    raise AssertionError("loaded")
rw.load_model(path, data, trust=True)
try:
    rw.wrap_model(keras.Sequential([layers.Dense(3)]), data)
except rw.InputError as error:
    assert "no weights yet" in str(error)
else:
    raise AssertionError("wrapped")
"""
    run("torch", code, tmp_path)


@pytest.mark.slow
def test_tensorflow_modules_and_saved_models_have_gradients(tmp_path):
    code = """
import tensorflow as tf
class Module(tf.Module):
    def __init__(self):
        (self.kernel, self.bias), (self.weight, self.shift) = (
            tuple(map(tf.Variable, pair)) for pair in twins.arrays(twin))
    @tf.function(input_signature=[tf.TensorSpec([None, 6, 6, 2])])
    def __call__(self, x):
        x = tf.nn.relu(tf.nn.conv2d(x, self.kernel, 1, "VALID") + self.bias)
        return tf.reshape(x, [-1, 64]) @ self.weight + self.shift
module = Module()
twins.assert_same(rw.wrap_model(module, data), twin, data.test.x)
folder = Path(sys.argv[1], "saved")
tf.saved_model.save(module, folder, signatures=module.__call__)
try:
    rw.load_model(folder, data)
except rw.InputError as error:
    assert "--trust" in str(error)
else:
    raise AssertionError("loaded")
loaded = rw.load_model(folder, data, trust=True)
twins.assert_same(loaded, twin, data.test.x)
assert loaded.spec.parameters == 271
"""
    run("tensorflow", code, tmp_path)


@pytest.mark.slow
def test_a_damaged_file_is_said(tmp_path, pictures):
    if "keras" in sys.modules:
        pytest.skip("Keras was imported with another backend")
    (tmp_path / "model.keras").write_bytes(b"no model at all")
    with pytest.raises(InputError, match="Keras cannot load"):
        load_model(tmp_path / "model.keras", pictures)
