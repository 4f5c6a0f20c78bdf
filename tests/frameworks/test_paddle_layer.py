import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from roadworthy import load_model, wrap_model
from roadworthy.core.errors import InputError

ROOT = Path(__file__).parents[2]

CODE = """
import paddle
import torch
import roadworthy as rw
from tests.frameworks import twins
from tests.frameworks.conftest import rows
torch.set_num_threads(1)
x = torch.randn(120, 4, generator=torch.Generator().manual_seed(0))
data = rows(x, (x @ torch.randn(4, 3)).argmax(1), classes=("a", "b", "c"))
twin = twins.mlp()
layer = paddle.nn.Sequential(
    paddle.nn.Linear(4, 16), paddle.nn.Tanh(), paddle.nn.Dropout(0.5), paddle.nn.Linear(16, 3))
weights = [part for pair in twins.arrays(twin) for part in pair]
for parameter, weight in zip(layer.parameters(), weights, strict=True):
    parameter.set_value(weight)
model = rw.wrap_model(layer, data)
for size in (60, 7, 1):
    twins.assert_same(model, twin, data.test.x[:size])
found = twins.robust_accuracy(model, data, 0.05)
assert found == twins.robust_accuracy(rw.wrap_model(twin, data), data, 0.05)
assert layer.training and not layer.parameters()[0].stop_gradient
assert layer.parameters()[0].grad is None
assert model.spec.parameters == 131
"""

LOADED = """
import sys
import paddle
import torch
import roadworthy as rw
from roadworthy.core.errors import InputError
from roadworthy.core.model import Offer
from tests.frameworks.conftest import rows
torch.set_num_threads(1)
x = torch.randn(120, 4, generator=torch.Generator().manual_seed(0))
data = rows(x, torch.arange(120) % 3)
layer = paddle.nn.Sequential(paddle.nn.Linear(4, 16), paddle.nn.Dropout(0.5))
layer.add_sublayer("2", paddle.nn.Linear(16, 3))
layer.eval()
shape = [paddle.static.InputSpec([None, 4], "float32")]
paddle.jit.save(paddle.jit.to_static(layer, input_spec=shape), sys.argv[1])
loaded = paddle.jit.load(sys.argv[1])
model = rw.wrap_model(loaded, data)
assert model.spec.offers == {Offer.LABELS, Offer.SCORES}, model.spec.offers
assert "paddle.jit.load" in model.spec.notes[-1]
assert torch.allclose(model(x), rw.wrap_model(layer, data)(x), atol=1e-5)
loaded.train()
try:
    rw.wrap_model(loaded, data)
except InputError as error:
    assert "training mode" in str(error)
else:
    raise AssertionError("a layer in training mode was taken")
assert loaded.training
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("paddle") is None, reason="PaddlePaddle is not installed")
@pytest.mark.parametrize("code", [CODE, LOADED], ids=["layer", "loaded"])
def test_outputs_and_gradients_are_those_of_paddle(code, tmp_path):
    # in a process of its own: paddle changes how the process handles signals
    words = [sys.executable, "-c", code, str(tmp_path / "saved")]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_mxnet_is_sent_through_onnx(tmp_path, table):
    kind = type("HybridSequential", (), {"__module__": "mxnet.gluon.nn.basic_layers"})
    with pytest.raises(InputError, match=r"mx\.onnx\.export_model"):
        wrap_model(kind(), table)
    path = tmp_path / "net-symbol.json"
    path.write_text("{}")
    with pytest.raises(InputError, match=r"retired in 2023.*mx\.onnx\.export_model"):
        load_model(path, table)
