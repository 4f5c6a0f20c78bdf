"""Every operator that is known in torch, against ONNX Runtime; networks, against torch's own."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from roadworthy.attacks import PGD
from roadworthy.core.model import Offer
from roadworthy.core.threat import Ball
from roadworthy.frameworks import onnx_graph, wrap_model
from roadworthy.frameworks.onnx_graph import read_graph
from roadworthy.frameworks.onnx_operators import OPERATORS
from roadworthy.frameworks.onnx_session import load_onnx
from tests.frameworks import twins

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
helper = onnx.helper

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(2, 6)).astype(np.float32)
IMAGES = RANDOM.normal(size=(2, 4, 6, 5)).astype(np.float32)
SIGNALS = RANDOM.normal(size=(2, 4, 7)).astype(np.float32)
POSITIVE = np.abs(ROWS) + np.float32(0.1)
WHOLE = np.array([[7, -7, 3, 0, -5, 2], [1, 2, 3, 4, 5, 6]], np.int64)
WEIGHT = RANDOM.normal(size=(6, 3)).astype(np.float32)
KERNEL = RANDOM.normal(size=(6, 4, 3, 2)).astype(np.float32)
GROUPED = RANDOM.normal(size=(6, 2, 3, 2)).astype(np.float32)
UPWARD = RANDOM.normal(size=(4, 3, 3, 2)).astype(np.float32)
BIAS = RANDOM.normal(size=6).astype(np.float32)
FOUR = np.array([0.5, 1, 1.5, 2], np.float32)


def ints(*values):
    return np.array(values, np.int64)


def scalar(value):
    return np.array(value, np.float32)


# operators without settings
OF_ONE = (
    "Abs ArgMax ArgMin Ceil Celu Cos Dropout Elu Erf Exp Flatten Floor Gelu HardSigmoid HardSwish "
    "Identity LeakyRelu LogSoftmax Max Mish Neg Reciprocal ReduceL1 ReduceL2 ReduceLogSumExp "
    "ReduceMax ReduceMean ReduceMin ReduceSum ReduceSumSquare Relu Round Selu Shape Sigmoid Sign "
    "Sin Softmax Softplus Softsign Tanh Transpose"
)
OF_TWO = "Add Div Max Mean Min Mul PRelu Sub Sum"
COMPARISONS = "Equal Greater GreaterOrEqual Less LessOrEqual"
# operator, version, inputs (None where one is left out), settings
CASES = [
    *((kind, 20, [ROWS], {}) for kind in OF_ONE.split()),
    *((kind, 17, [POSITIVE], {}) for kind in ("Log", "Sqrt")),
    *((kind, 17, [ROWS, BIAS], {}) for kind in OF_TWO.split()),
    *((kind, 17, [ROWS, ROWS[:1]], {}) for kind in COMPARISONS.split()),
    *((kind, 17, [ROWS > 0, ROWS[:1] > 0], {}) for kind in ("And", "Or", "Xor")),
    ("Not", 17, [ROWS > 0], {}),
    ("Div", 17, [WHOLE, ints(2)], {}),
    ("Pow", 17, [POSITIVE, BIAS], {}),
    ("Pow", 17, [ROWS, ints(2)], {}),
    ("ArgMax", 13, [ROWS], {"axis": 1, "keepdims": 0}),
    ("Cast", 13, [ROWS], {"to": onnx.TensorProto.INT64}),
    ("Clip", 6, [ROWS], {"min": -0.5, "max": 0.5}),
    ("Clip", 13, [ROWS, scalar(-0.5), scalar(0.5)], {}),
    ("Clip", 13, [ROWS, None, scalar(0.5)], {}),
    ("Concat", 13, [ROWS, WEIGHT.T[:2]], {"axis": -1}),
    ("Constant", 13, [], {"value_floats": [1.0, 2.0]}),
    ("ConstantOfShape", 9, [ints(2, 3)], {}),
    ("ConstantOfShape", 9, [ints(2)], {"value": helper.make_tensor("v", 7, [1], [5])}),
    ("Einsum", 12, [ROWS, WEIGHT], {"equation": "ni,ij->nj"}),
    ("Expand", 13, [ROWS, ints(3, 1, 6)], {}),
    ("Flatten", 13, [IMAGES], {"axis": 2}),
    ("Flatten", 13, [IMAGES], {"axis": 0}),
    ("Gather", 13, [IMAGES, ints(0, -1)], {"axis": 1}),
    ("Gather", 13, [ROWS, np.array(1)], {"axis": 1}),
    ("Gather", 13, [BIAS, np.array(-1)], {}),
    ("GatherElements", 13, [ROWS, ints([0, -1], [3, 2])], {"axis": 1}),
    ("Gelu", 20, [ROWS], {"approximate": "tanh"}),
    ("Gemm", 13, [ROWS, WEIGHT.T, BIAS[:3]], {"transB": 1, "alpha": 0.5, "beta": 2.0}),
    ("Gemm", 11, [WEIGHT, WEIGHT], {"transA": 1}),
    ("LogSoftmax", 11, [IMAGES], {}),
    ("MatMul", 13, [ROWS, WEIGHT], {}),
    ("Mod", 13, [WHOLE, ints(3)], {}),
    ("Mod", 13, [ROWS, scalar(0.3)], {"fmod": 1}),
    ("Range", 11, [np.array(2), np.array(9), np.array(3)], {}),
    ("ReduceMax", 13, [IMAGES], {"axes": [1, -1], "keepdims": 0}),
    ("ReduceMean", 13, [IMAGES], {"axes": [2, 3]}),
    ("ReduceMean", 18, [IMAGES, ints(2, 3)], {}),
    ("ReduceSum", 11, [IMAGES], {"axes": [1]}),
    ("ReduceSum", 13, [IMAGES, ints(1)], {"keepdims": 0}),
    ("ReduceSum", 13, [IMAGES], {"noop_with_empty_axes": 1}),
    ("Reshape", 13, [IMAGES, ints(0, -1, 10)], {}),
    ("Slice", 9, [IMAGES], {"starts": [1, -3], "ends": [3, 100], "axes": [1, 2]}),
    ("Slice", 13, [IMAGES, ints(-1), ints(-(2**62)), ints(2), ints(-2)], {}),
    ("Slice", 13, [ROWS, ints(0, 1), ints(2, 4)], {}),
    ("Softmax", 11, [IMAGES], {"axis": 2}),
    ("Softmax", 13, [IMAGES], {"axis": 1}),
    ("Split", 11, [ROWS], {"axis": 1, "split": [2, 4]}),
    ("Split", 13, [ROWS, ints(2, 4)], {"axis": 1}),
    ("Split", 13, [ROWS], {"axis": 1}),
    ("Squeeze", 11, [IMAGES[:, :1]], {"axes": [1]}),
    ("Squeeze", 13, [IMAGES[:, :1], ints(1)], {}),
    ("Squeeze", 13, [IMAGES[:, :1]], {}),
    ("Tile", 13, [ROWS, ints(2, 3)], {}),
    ("Transpose", 13, [IMAGES], {"perm": [0, 2, 3, 1]}),
    ("Unsqueeze", 11, [ROWS], {"axes": [0, -1]}),
    ("Unsqueeze", 13, [ROWS, ints(3, 1)], {}),
    ("Where", 16, [ROWS > 0, ROWS, BIAS], {}),
    # layers
    ("AveragePool", 11, [IMAGES], {"kernel_shape": [2, 3], "strides": [2, 1]}),
    ("AveragePool", 11, [IMAGES], {"kernel_shape": [3, 3], "pads": [1, 0, 2, 1]}),
    (
        "AveragePool",
        11,
        [IMAGES],
        {"kernel_shape": [3, 3], "pads": [1, 0, 2, 1], "count_include_pad": 1},
    ),
    ("AveragePool", 11, [SIGNALS], {"kernel_shape": [3], "auto_pad": "SAME_UPPER"}),
    ("BatchNormalization", 15, [IMAGES, FOUR, FOUR - 1, FOUR + 1, FOUR], {"epsilon": 1e-3}),
    ("Conv", 11, [IMAGES, KERNEL], {}),
    ("Conv", 11, [IMAGES, KERNEL, BIAS], {"pads": [0, 1, 2, 0], "strides": [2, 1]}),
    ("Conv", 11, [IMAGES, GROUPED, BIAS], {"group": 2, "dilations": [2, 1]}),
    ("Conv", 11, [IMAGES, KERNEL], {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    ("Conv", 11, [IMAGES, KERNEL], {"auto_pad": "SAME_UPPER"}),
    ("Conv", 11, [SIGNALS, KERNEL[..., 0], BIAS], {"pads": [1, 1]}),
    ("ConvTranspose", 11, [IMAGES, UPWARD, BIAS[:3]], {"strides": [2, 2]}),
    (
        "ConvTranspose",
        11,
        [IMAGES, UPWARD],
        {"strides": [2, 3], "pads": [1, 0, 0, 1], "output_padding": [1, 2]},
    ),
    ("DepthToSpace", 13, [IMAGES], {"blocksize": 2}),
    ("DepthToSpace", 13, [IMAGES], {"blocksize": 2, "mode": "CRD"}),
    ("GlobalAveragePool", 13, [IMAGES], {}),
    ("GlobalMaxPool", 13, [IMAGES], {}),
    ("GroupNormalization", 18, [IMAGES, FOUR[:2], FOUR[2:]], {"num_groups": 2}),
    ("GroupNormalization", 21, [IMAGES, FOUR, FOUR - 1], {"num_groups": 2}),
    ("InstanceNormalization", 13, [IMAGES, FOUR, FOUR - 1], {}),
    ("LayerNormalization", 17, [IMAGES, IMAGES[0, 0], IMAGES[0, 1]], {"axis": 2}),
    ("LRN", 13, [IMAGES], {"size": 3, "alpha": 0.5}),
    ("MaxPool", 12, [IMAGES], {"kernel_shape": [2, 3], "pads": [1, 0, 0, 2]}),
    ("MaxPool", 12, [IMAGES], {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}),
    ("MaxPool", 12, [SIGNALS], {"kernel_shape": [2], "dilations": [2]}),
    ("Pad", 2, [IMAGES], {"pads": [0, 1, 2, 0, 0, 0, 1, 1], "value": 2.0}),
    ("Pad", 13, [IMAGES, ints(0, 1, 2, 0, 0, 0, 1, 1), scalar(2.0)], {}),
    ("Pad", 13, [IMAGES, ints(0, 0, 2, 0, 0, 0, 1, 1)], {"mode": "reflect"}),
    ("Pad", 18, [IMAGES, ints(2, 1), None, ints(-1)], {"mode": "edge"}),
    (
        "Resize",
        13,
        [IMAGES, None, np.array([1, 1, 2, 3], np.float32)],
        {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
    ),
    ("Resize", 13, [IMAGES, None, None, ints(2, 4, 9, 8)], {"mode": "linear"}),
    (
        "Resize",
        13,
        [SIGNALS, None, None, ints(2, 4, 9)],
        {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
    ),
    ("Resize", 10, [IMAGES, np.array([1, 1, 2, 2], np.float32)], {}),
]


@pytest.mark.parametrize(("kind", "opset", "inputs", "settings"), CASES)
def test_an_operator_is_that_of_onnx_runtime(tmp_path, kind, opset, inputs, settings):
    names = ["" if part is None else f"in{k}" for k, part in enumerate(inputs)]
    outputs = ["out", "more"] if kind == "Split" else ["out"]
    node = helper.make_node(kind, names, outputs, **settings)
    path = save(tmp_path, [node], opset, [p for p in zip(names, inputs, strict=True) if p[0]])
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (expected,) = session.run(["out"], {"given": ROWS})
    graph = read_graph(path, "given", "out", torch.float32, None)
    got = graph(torch.from_numpy(ROWS)).numpy()
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    assert np.allclose(got, expected, rtol=1e-5, atol=1e-5)


def save(folder, nodes, opset, weights):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "graph",
        [value("given", onnx.TensorProto.FLOAT, ["N", 6])],
        [helper.make_empty_tensor_value_info("out")],
        [onnx.numpy_helper.from_array(part, name) for name, part in weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    onnx.save(model, folder / "graph.onnx")
    return folder / "graph.onnx"


def test_every_known_operator_has_a_case():
    assert {case[0] for case in CASES} == {*OPERATORS, "Constant"}


def mlp():
    return nn.Sequential(nn.Linear(4, 16), nn.GELU(), nn.Linear(16, 8), nn.ELU(), nn.Linear(8, 3))


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 8, 3, padding=1, groups=2)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.norm(self.first(x)).relu(), 2)
        x = x + nn.functional.silu(self.second(x))
        return self.head(x.mean((2, 3)).view(x.shape[0], -1))


class Separable(nn.Module):
    """Layers of more kinds, dilated, uneven and normalized."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.LeakyReLU())
        self.second = nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2)
        self.pools = nn.Sequential(nn.MaxPool2d(2, 1, 1), nn.AvgPool2d(2, 1, 1))
        self.third = nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 6), nn.GELU())
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        x = self.first((x - 0.5) / 0.25)
        x = x * torch.sigmoid(x) + torch.tanh(self.second(x)).clamp(-0.9, 0.9)
        return self.head(self.third(self.pools(x).mean((2, 3)))).log_softmax(1)


NETWORKS = {"cnn": CNN, "cnn of a fixed batch": CNN, "separable": Separable}


def exported(module, path, example, batch=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would rather have its newer exporter used
        torch.onnx.export(
            module.eval(),
            (example,),
            path,
            dynamo=False,
            input_names=["x"],
            dynamic_axes=None if batch else {"x": {0: "N"}},
        )
    return path


@pytest.fixture(params=["mlp", *NETWORKS])
def pair(request, tmp_path, table, pictures):
    """A network of torch's and the same one from an ONNX file."""
    torch.manual_seed(0)
    is_mlp = request.param == "mlp"
    module, data = (mlp(), table) if is_mlp else (NETWORKS[request.param](), pictures)
    with torch.no_grad():  # so that classes are near each other
        head = module[-1] if is_mlp else module.head
        head.bias -= module.eval()(data.test.x.sigmoid()).mean(0)
    batch = 7 if "fixed" in request.param else None
    path = exported(module, tmp_path / "a.onnx", data.test.x[:7], batch)
    return wrap_model(module, data), load_onnx(path, data), data


def test_gradients_are_those_of_the_original(pair):
    original, copy, data = pair
    assert Offer.GRADIENTS in copy.spec.offers
    for size in (20, 7, 1):
        twins.assert_same(copy, original, data.test.x[:size])


def test_pgd_finds_the_same_errors_as_in_the_original(pair):
    original, copy, data = pair
    x = data.test.x.sigmoid()  # into the box
    y = original(x).argmax(1)
    found = [PGD(steps=10)(model, x, y, Ball("linf", 0.1)) for model in (original, copy)]
    assert found[0].success.any()
    assert torch.equal(found[0].success, found[1].success)
    assert torch.allclose(found[0].x, found[1].x, atol=1e-4)


def test_an_operator_that_is_not_known_leaves_scores(tmp_path, six):
    nodes = [
        helper.make_node("Gemm", ["given", "w"], ["z"]),
        helper.make_node("Asinh", ["z"], ["out"]),
    ]
    model = load_onnx(save(tmp_path, nodes, 17, [("w", WEIGHT)]), six)
    assert model.spec.offers == {Offer.LABELS, Offer.SCORES}
    assert any("its operator Asinh is not known here" in note for note in model.spec.notes)
    expected = torch.asinh(six.test.x @ torch.from_numpy(WEIGHT))
    assert torch.allclose(model(six.test.x), expected, atol=1e-5)


def test_what_the_output_does_not_need_may_be_unknown(tmp_path, six):
    nodes = [
        helper.make_node("Asinh", ["given"], ["aside"]),
        helper.make_node("Gemm", ["given", "w"], ["out"]),
    ]
    model = load_onnx(save(tmp_path, nodes, 17, [("w", WEIGHT)]), six)
    assert Offer.GRADIENTS in model.spec.offers


@pytest.fixture
def linear(tmp_path):
    return save(tmp_path, [helper.make_node("Gemm", ["given", "w"], ["out"])], 17, [("w", WEIGHT)])


def test_a_graph_that_computes_something_else_is_not_used(linear, six, monkeypatch):
    monkeypatch.setitem(OPERATORS, "Gemm", lambda node, x, w: 1.001 * (x @ w))
    model = load_onnx(linear, six)
    assert Offer.GRADIENTS not in model.spec.offers
    assert any("differ from those of ONNX Runtime" in note for note in model.spec.notes)
    assert torch.allclose(model(six.test.x), six.test.x @ torch.from_numpy(WEIGHT), atol=1e-5)


def test_a_graph_that_grows_too_large_is_not_used(linear, six, monkeypatch):
    monkeypatch.setattr(onnx_graph, "MOST_NUMBERS", 0)
    model = load_onnx(linear, six)
    assert Offer.GRADIENTS not in model.spec.offers
    assert any("more than 0 numbers per row" in note for note in model.spec.notes)


def test_a_graph_of_too_many_steps_is_not_used(linear, six, monkeypatch):
    monkeypatch.setattr(onnx_graph, "MOST_NODES", 0)
    assert Offer.GRADIENTS not in load_onnx(linear, six).spec.offers


def test_labels_have_no_gradients_and_need_no_excuse(tmp_path, six):
    nodes = [
        helper.make_node("Gemm", ["given", "w"], ["z"]),
        helper.make_node("ArgMax", ["z"], ["out"], axis=1, keepdims=0),
    ]
    model = load_onnx(save(tmp_path, nodes, 17, [("w", WEIGHT)]), six)
    assert model.spec.offers == {Offer.LABELS}
    assert model.spec.notes == ("The model gives labels, not scores.",)


def test_a_graph_moves_to_the_device_of_its_inputs(linear, six):
    model = load_onnx(linear, six)
    model.move(torch.device("meta"))  # holds shapes alone, and refuses weights that stayed behind
    assert model(six.test.x.to("meta")).device.type == "meta"
