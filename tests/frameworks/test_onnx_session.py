import numpy as np
import pytest
import torch

from roadworthy.core.errors import InputError
from roadworthy.core.model import Offer
from roadworthy.frameworks.onnx_session import load_onnx

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
helper = onnx.helper

WEIGHTS = np.arange(12, dtype=np.float32).reshape(4, 3) / 10


def save(path, nodes, outputs, batch="N", inputs=4, weights=None):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "model",
        [value("x", onnx.TensorProto.FLOAT, [batch, inputs])],
        [value(name, kind, shape) for name, kind, shape in outputs],
        [weights or onnx.numpy_helper.from_array(WEIGHTS, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


def linear(path, **more):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    return save(path, nodes, [("y", onnx.TensorProto.FLOAT, [None, 3])], **more)


def test_outputs_are_the_files(tmp_path, table):
    model = load_onnx(linear(tmp_path / "a.onnx"), table)
    assert torch.allclose(model(table.test.x), table.test.x @ torch.from_numpy(WEIGHTS))
    assert model.spec.offers == {Offer.LABELS, Offer.SCORES, Offer.GRADIENTS}
    assert model.spec.parameters == 12


def test_a_fixed_batch_is_filled_up(tmp_path, table):
    free = load_onnx(linear(tmp_path / "a.onnx"), table)
    fixed = load_onnx(linear(tmp_path / "b.onnx", batch=7), table)
    assert torch.allclose(fixed(table.test.x), free(table.test.x), atol=1e-6)


def test_probabilities_are_preferred_to_labels(tmp_path, table):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["z"]),
        helper.make_node("Softmax", ["z"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["z"], ["label"], axis=1, keepdims=0),
    ]
    outputs = [
        ("label", onnx.TensorProto.INT64, [None]),
        ("probabilities", onnx.TensorProto.FLOAT, [None, 3]),
    ]
    model = load_onnx(save(tmp_path / "a.onnx", nodes, outputs), table)
    expected = (table.test.x @ torch.from_numpy(WEIGHTS)).log_softmax(1)
    assert torch.allclose(model(table.test.x), expected, atol=1e-5)


def test_the_fingerprint_is_that_of_the_file(tmp_path, table):
    first = load_onnx(linear(tmp_path / "a.onnx"), table).spec.fingerprint
    same = load_onnx(linear(tmp_path / "b.onnx"), table).spec.fingerprint
    other = onnx.numpy_helper.from_array(WEIGHTS + 1, "w")
    changed = load_onnx(linear(tmp_path / "c.onnx", weights=other), table).spec.fingerprint
    assert first == same != changed


@pytest.mark.parametrize("place", ["../secret.bin", "/etc/passwd", "link.bin"])
def test_weights_outside_the_folder_are_not_read(tmp_path, table, place):
    (tmp_path / "secret.bin").write_bytes(WEIGHTS.tobytes())
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "link.bin").symlink_to(tmp_path / "secret.bin")
    weights = onnx.TensorProto(
        name="w", data_type=onnx.TensorProto.FLOAT, dims=[4, 3], data_location=1
    )
    weights.external_data.add(key="location", value=place)
    path = linear(tmp_path / "inner" / "a.onnx", weights=weights)
    with pytest.raises(InputError, match="outside its folder"):
        load_onnx(path, table)


def test_weights_beside_the_file_are_read_and_hashed(tmp_path, table):
    weights = onnx.TensorProto(
        name="w", data_type=onnx.TensorProto.FLOAT, dims=[4, 3], data_location=1
    )
    weights.external_data.add(key="location", value="weights.bin")
    prints = []
    for shift in (0, 1):
        (tmp_path / "weights.bin").write_bytes((WEIGHTS + shift).tobytes())
        model = load_onnx(linear(tmp_path / "a.onnx", weights=weights), table)
        expected = table.test.x @ torch.from_numpy(WEIGHTS + shift)
        assert torch.allclose(model(table.test.x), expected, atol=1e-5)
        prints.append(model.spec.fingerprint)
    assert prints[0] != prints[1]


def test_other_input_sizes_and_damaged_files_are_said(tmp_path, table):
    weights = onnx.numpy_helper.from_array(np.zeros((5, 3), np.float32), "w")
    with pytest.raises(InputError, match=r"shape \(60, 4\)"):
        load_onnx(linear(tmp_path / "a.onnx", inputs=5, weights=weights), table)
    (tmp_path / "b.onnx").write_bytes(b"no model at all")
    with pytest.raises(InputError, match="is not an ONNX file"):
        load_onnx(tmp_path / "b.onnx", table)
