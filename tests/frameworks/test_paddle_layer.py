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


@pytest.mark.slow
@pytest.mark.skipif(find_spec("paddle") is None, reason="PaddlePaddle is not installed")
def test_outputs_gradients_and_attacks_are_the_twins():
    # in a process of its own: paddle changes how the process handles signals
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_mxnet_is_sent_through_onnx(tmp_path, table):
    kind = type("HybridSequential", (), {"__module__": "mxnet.gluon.nn.basic_layers"})
    with pytest.raises(InputError, match=r"mx\.onnx\.export_model"):
        wrap_model(kind(), table)
    path = tmp_path / "net-symbol.json"
    path.write_text("{}")
    with pytest.raises(InputError, match=r"retired in 2023.*mx\.onnx\.export_model"):
        load_model(path, table)
