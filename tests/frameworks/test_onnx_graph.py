import warnings

import pytest
import torch
from torch import nn

from roadworthy.core.model import Offer
from roadworthy.frameworks import wrap_model
from roadworthy.frameworks.onnx_session import load_onnx
from tests.frameworks import twins
from tests.frameworks.conftest import rows
from tests.frameworks.test_onnx_session import helper, linear, onnx, save


@pytest.fixture
def colored():
    generator = torch.Generator().manual_seed(0)
    return rows(torch.rand(60, 2, 8, 8, generator=generator), torch.arange(60) % 3)


class Everything(nn.Module):
    """Most of what image classifiers are made of."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Sequential(nn.Conv2d(2, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.LeakyReLU())
        self.second = nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2)
        self.pools = nn.Sequential(nn.MaxPool2d(2, 1, 1), nn.AvgPool2d(2, 1, 1))
        self.third = nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 6), nn.GELU(), nn.Linear(6, 3))
        self.first[1].running_mean.uniform_()
        self.first[1].running_var.uniform_(0.5, 1)

    def forward(self, x):
        x = self.first((x - 0.5) / 0.25)
        x = x * torch.sigmoid(x) + torch.tanh(self.second(x)).clamp(-0.9, 0.9)
        x = self.pools(x)
        return self.third(x.mean((2, 3))).log_softmax(1)


def export(module, x, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's exporter uses what torch deprecates
        # the older of torch's two exporters, which needs no further package
        axes = {"x": {0: "rows"}}
        torch.onnx.export(
            module, (x[:2],), path, dynamo=False, input_names=["x"], dynamic_axes=axes
        )
    return path


def small():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)
    )


@pytest.mark.slow
@pytest.mark.parametrize("make", [small, Everything])
def test_gradients_are_those_of_the_network_that_was_exported(tmp_path, colored, make):
    module = make().eval()
    model = load_onnx(export(module, colored.test.x, tmp_path / "a.onnx"), colored)
    assert Offer.GRADIENTS in model.spec.offers, model.spec.notes
    for size in (30, 7, 1):
        twins.assert_same(model, module, colored.test.x[:size])
    twin = wrap_model(module, colored)
    found = twins.robust_accuracy(model, colored, 0.03)
    assert found == twins.robust_accuracy(twin, colored, 0.03)


def test_an_unknown_step_costs_the_gradients_not_the_scores(tmp_path, table):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["z"]),
        helper.make_node("Celu", ["z"], ["y"]),
    ]
    path = save(tmp_path / "a.onnx", nodes, [("y", onnx.TensorProto.FLOAT, [None, 3])])
    model = load_onnx(path, table)
    assert model.spec.offers == {Offer.LABELS, Offer.SCORES}
    assert any("the step Celu" in note for note in model.spec.notes)


def test_a_graph_that_gives_other_values_in_torch_is_not_used(tmp_path, table, monkeypatch):
    from roadworthy.frameworks.onnx_graph import OPERATIONS

    monkeypatch.setitem(OPERATIONS, "MatMul", lambda a, x, y: x @ y + 1e-3)
    model = load_onnx(linear(tmp_path / "a.onnx"), table)
    assert Offer.GRADIENTS not in model.spec.offers
    assert any("other values" in note for note in model.spec.notes)


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER"])
def test_padding_that_the_file_leaves_to_the_runtime_is_the_runtimes(tmp_path, colored, mode):
    value, kind = helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    weights = torch.randn(3, 2, 3, 2, generator=torch.Generator().manual_seed(0)).numpy()
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["z"], auto_pad=mode, strides=[2, 3]),
        helper.make_node(
            "AveragePool", ["z"], ["p"], auto_pad=mode, kernel_shape=[2, 2], strides=[1, 1]
        ),
        helper.make_node("GlobalMaxPool", ["p"], ["g"]),
        helper.make_node("Flatten", ["g"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "model", [value("x", kind, ["N", 2, 8, 8])], [value("y", kind, ["N", 3])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, tmp_path / "a.onnx")
    assert Offer.GRADIENTS in load_onnx(tmp_path / "a.onnx", colored).spec.offers
