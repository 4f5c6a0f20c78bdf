from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from roadworthy.frameworks.fixed_batch import in_batches
from roadworthy.frameworks.onnx_node import Node, UnknownOperator
from roadworthy.frameworks.onnx_operators import OPERATORS

MOST_NODES = 100_000
MOST_NUMBERS = 2**26  # between inputs and outputs, per row: a backward pass needs them all
CONSTANTS = ("value", "value_float", "value_floats", "value_int", "value_ints")


class OnnxGraph(nn.Module):
    """An ONNX graph computed by torch, so that autograd reaches from the outputs to the inputs.

    Args:
        nodes: the steps, each after those that it needs.
        weights: the graph's own values, by name.
        given: name of the input.
        wanted: name of the output.
        dtype: of the input.
        batch: rows at a time, where the graph fixes that.
    """

    def __init__(
        self,
        nodes: list[Node],
        weights: dict[str, Tensor],
        given: str,
        wanted: str,
        dtype: torch.dtype,
        batch: int | None,
    ) -> None:
        super().__init__()
        self._nodes = nodes
        self._given, self._wanted = given, wanted
        self._dtype, self._batch = dtype, batch
        self._names = list(weights)  # no names for attributes: they may hold dots
        for k, name in enumerate(self._names):
            self.register_buffer(f"weight_{k}", weights[name])
        last = {name: k for k, node in enumerate(nodes) for name in node.inputs}
        self._done = [
            {name for name in node.inputs if last[name] == k and name not in (given, "", wanted)}
            for k, node in enumerate(nodes)
        ]

    def forward(self, x: Tensor) -> Tensor:
        return in_batches(self._run, x.to(self._dtype), self._batch)

    def _run(self, x: Tensor) -> Tensor:
        values: dict[str, Any] = {"": None, self._given: x}
        values |= {name: self.get_buffer(f"weight_{k}") for k, name in enumerate(self._names)}
        numbers = 0
        for node, done in zip(self._nodes, self._done, strict=True):
            made = OPERATORS[node.kind](node, *(values[name] for name in node.inputs))
            parts = made if isinstance(made, tuple) else (made,)
            values |= zip(node.outputs, parts, strict=False)  # an output that is not made is missed
            numbers += sum(part.numel() for part in parts)
            if numbers > MOST_NUMBERS * max(64, len(x)):
                raise RuntimeError(f"its values take more than {MOST_NUMBERS} numbers per row")
            for name in done:  # free what nothing needs any more
                del values[name]
        output: Tensor = values[self._wanted]
        return output


def read_graph(
    path: Path, given: str, wanted: str, dtype: torch.dtype, batch: int | None
) -> OnnxGraph:
    """Read the part of an ONNX file that leads from its input to an output.

    Raises:
        UnknownOperator: that part holds something that is not known here.
    """
    import onnx

    model = onnx.load(path)
    opset = max(
        (part.version for part in model.opset_import if part.domain in ("", "ai.onnx")), default=1
    )
    if len(model.graph.node) > MOST_NODES:
        raise UnknownOperator(f"more than {MOST_NODES} steps")
    needed, nodes, weights = {wanted}, [], {}
    for proto in reversed(model.graph.node):
        if needed.isdisjoint(proto.output):
            continue
        if proto.op_type == "Constant":
            weights[proto.output[0]] = _constant(proto, onnx)
            continue
        nodes.append(_read_node(proto, opset, onnx))
        needed |= set(proto.input)
    for tensor in model.graph.initializer:
        if tensor.name in needed:
            weights[tensor.name] = _tensor(tensor, onnx, path.parent)
    return OnnxGraph(nodes[::-1], weights, given, wanted, dtype, batch)


def _read_node(proto: Any, opset: int, onnx: Any) -> Node:
    if proto.domain not in ("", "ai.onnx"):
        raise UnknownOperator(f"{proto.domain}.{proto.op_type}")
    if proto.op_type not in OPERATORS:
        raise UnknownOperator(proto.op_type)
    attributes = {part.name: _attribute(part, onnx) for part in proto.attribute}
    return Node(proto.op_type, tuple(proto.input), tuple(proto.output), attributes, opset)


def _attribute(proto: Any, onnx: Any) -> Any:
    value = onnx.helper.get_attribute_value(proto)
    if isinstance(value, bytes):
        return value.decode()
    return _tensor(value, onnx) if isinstance(value, onnx.TensorProto) else value


def _constant(proto: Any, onnx: Any) -> Tensor:
    (attribute,) = proto.attribute
    if attribute.name not in CONSTANTS:
        raise UnknownOperator(f"Constant with {attribute.name}")
    value = _attribute(attribute, onnx)
    return value if isinstance(value, Tensor) else torch.tensor(value)


def _tensor(proto: Any, onnx: Any, folder: Path = Path()) -> Tensor:
    return torch.from_numpy(onnx.numpy_helper.to_array(proto, str(folder)).copy())
