"""The operators of ONNX in torch, each as a function of its node and inputs."""

from collections.abc import Callable
from functools import reduce
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from roadworthy.frameworks.onnx_layers import LAYERS
from roadworthy.frameworks.onnx_node import Node

Operator = Callable[..., Any]

# numbers that files use for types
DTYPES = {
    1: torch.float32,
    2: torch.uint8,
    3: torch.int8,
    5: torch.int16,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    10: torch.float16,
    11: torch.float64,
    16: torch.bfloat16,
}


def plain(function: Callable[..., Any]) -> Operator:
    """Make an operator of a function that needs no settings."""
    return lambda node, *inputs: function(*inputs)


def folded(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    """Make an operator that takes any number of inputs of a function of two."""
    return lambda node, *inputs: reduce(function, inputs)


def binary(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    """Make an operator of two inputs that are broadcast as numpy does."""

    def operator(node: Node, a: Tensor, b: Tensor) -> Tensor:
        node.require("broadcast", 0)  # before version 7, another rule
        return function(a, b)

    return operator


def reduction(function: Callable[..., Tensor]) -> Operator:
    """Make an operator of a function that reduces axes."""

    def operator(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
        chosen = _list(axes, node.get("axes"))
        if not chosen and node.get("noop_with_empty_axes", 0):
            return x
        return function(
            x, dim=tuple(chosen or range(x.ndim)), keepdim=bool(node.get("keepdims", 1))
        )

    return operator


def _list(given: Tensor | None, attribute: Any) -> Any:
    """Give a list that newer versions take as an input and older ones as a setting."""
    return attribute if given is None else given.reshape(-1).tolist()


def _divide(a: Tensor, b: Tensor) -> Tensor:
    return a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


def _power(a: Tensor, b: Tensor) -> Tensor:
    return torch.pow(a, b).to(a.dtype)


def _modulo(node: Node, a: Tensor, b: Tensor) -> Tensor:
    return torch.fmod(a, b) if node.get("fmod", 0) else torch.remainder(a, b)


def _clip(node: Node, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    bottom = node.get("min") if low is None else low.item()
    top = node.get("max") if high is None else high.item()
    return x if bottom is None and top is None else x.clamp(bottom, top)


def softmax(function: Callable[..., Tensor]) -> Operator:
    """Make an operator of softmax or its logarithm."""

    def operator(node: Node, x: Tensor) -> Tensor:
        if node.opset >= 13:
            return function(x, dim=node.get("axis", -1))
        axis = node.get("axis", 1) % x.ndim  # from it on, all axes are one
        return function(x.flatten(axis), dim=axis).reshape(x.shape)

    return operator


def _reshape(node: Node, x: Tensor, shape: Tensor | None = None) -> Tensor:
    sizes = list(_list(shape, node.get("shape")))
    if not node.get("allowzero", 0):
        sizes = [x.shape[k] if size == 0 else size for k, size in enumerate(sizes)]
    return x.reshape(sizes)


def _flatten(node: Node, x: Tensor) -> Tensor:
    axis = node.get("axis", 1)
    first = prod(x.shape[:axis])
    return x.reshape(first, prod(x.shape[axis:]))


def _squeeze(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    chosen = _list(axes, node.get("axes"))
    return x.squeeze() if chosen is None else x.squeeze(tuple(chosen))


def _unsqueeze(node: Node, x: Tensor, axes: Tensor | None = None) -> Tensor:
    chosen = _list(axes, node.get("axes"))
    rank = x.ndim + len(chosen)
    for axis in sorted(axis % rank for axis in chosen):
        x = x.unsqueeze(axis)
    return x


def _transpose(node: Node, x: Tensor) -> Tensor:
    return x.permute(node.get("perm", list(reversed(range(x.ndim)))))


def _slices(
    node: Node,
    x: Tensor,
    starts: Tensor | None = None,
    ends: Tensor | None = None,
    axes: Tensor | None = None,
    steps: Tensor | None = None,
) -> Tensor:
    first, last = _list(starts, node.get("starts")), _list(ends, node.get("ends"))
    places = _list(axes, node.get("axes")) or range(len(first))
    strides = _list(steps, [1] * len(first))
    for axis, start, end, step in zip(places, first, last, strides, strict=True):
        kept = range(*slice(start, end, step).indices(x.shape[axis]))
        x = x.index_select(axis, torch.tensor(list(kept), dtype=torch.int64, device=x.device))
    return x


def _gather(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    axis = node.get("axis", 0) % x.ndim
    chosen = torch.where(indices < 0, indices + x.shape[axis], indices).long()
    picked = x.index_select(axis, chosen.reshape(-1))
    return picked.reshape([*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]])


def _gather_elements(node: Node, x: Tensor, indices: Tensor) -> Tensor:
    axis = node.get("axis", 0) % x.ndim
    return x.gather(axis, torch.where(indices < 0, indices + x.shape[axis], indices).long())


def _split(node: Node, x: Tensor, sizes: Tensor | None = None) -> tuple[Tensor, ...]:
    axis = node.get("axis", 0)
    chosen = _list(sizes, node.get("split"))
    if chosen is None:
        chosen = -(-x.shape[axis] // len(node.outputs))
    return torch.split(x, chosen, axis)


def _shape_of(node: Node, x: Tensor) -> Tensor:
    sizes = list(x.shape)[node.get("start", 0) : node.get("end")]
    return torch.tensor(sizes, dtype=torch.int64, device=x.device)


def _constant_of_shape(node: Node, shape: Tensor) -> Tensor:
    value = node.get("value", torch.zeros(1)).to(shape.device)
    return value.reshape(()).expand(shape.tolist())  # takes no memory, however large


def _expand(node: Node, x: Tensor, shape: Tensor) -> Tensor:
    return x.expand(torch.broadcast_shapes(x.shape, tuple(shape.tolist())))


def _arange(first: Tensor, end: Tensor, step: Tensor) -> Tensor:
    numbers = torch.arange(first.item(), end.item(), step.item(), dtype=first.dtype)
    return numbers.to(first.device)


def _cast(node: Node, x: Tensor) -> Tensor:
    return x.to(DTYPES[node.get("to")])


def arg_extreme(function: Callable[..., Tensor]) -> Operator:
    """Make an operator of argmax or argmin."""

    def operator(node: Node, x: Tensor) -> Tensor:
        node.require("select_last_index", 0)
        return function(x, dim=node.get("axis", 0), keepdim=bool(node.get("keepdims", 1)))

    return operator


def _gelu(node: Node, x: Tensor) -> Tensor:
    return functional.gelu(x, approximate=node.get("approximate", "none"))


def _hard_sigmoid(node: Node, x: Tensor) -> Tensor:
    return (node.get("alpha", 0.2) * x + node.get("beta", 0.5)).clamp(0, 1)


def _selu(node: Node, x: Tensor) -> Tensor:
    return node.get("gamma", 1.0507009873554805) * functional.elu(
        x, node.get("alpha", 1.6732632423543772)
    )


OPERATORS: dict[str, Operator] = LAYERS | {
    "Abs": plain(torch.abs),
    "Add": binary(torch.add),
    "And": binary(torch.logical_and),
    "ArgMax": arg_extreme(torch.argmax),
    "ArgMin": arg_extreme(torch.argmin),
    "Cast": _cast,
    "Ceil": plain(torch.ceil),
    "Celu": lambda node, x: functional.celu(x, node.get("alpha", 1.0)),
    "Clip": _clip,
    "Concat": lambda node, *inputs: torch.cat(inputs, node.get("axis", 1)),
    "ConstantOfShape": _constant_of_shape,
    "Cos": plain(torch.cos),
    "Div": binary(_divide),
    "Einsum": lambda node, *inputs: torch.einsum(node.get("equation"), *inputs),
    "Elu": lambda node, x: functional.elu(x, node.get("alpha", 1.0)),
    "Equal": binary(torch.eq),
    "Erf": plain(torch.erf),
    "Exp": plain(torch.exp),
    "Expand": _expand,
    "Flatten": _flatten,
    "Floor": plain(torch.floor),
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "Gelu": _gelu,
    "Greater": binary(torch.gt),
    "GreaterOrEqual": binary(torch.ge),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": plain(functional.hardswish),
    "Identity": lambda node, x: x,
    "LeakyRelu": lambda node, x: functional.leaky_relu(x, node.get("alpha", 0.01)),
    "Less": binary(torch.lt),
    "LessOrEqual": binary(torch.le),
    "Log": plain(torch.log),
    "LogSoftmax": softmax(torch.log_softmax),
    "MatMul": plain(torch.matmul),
    "Max": folded(torch.maximum),
    "Mean": lambda node, *inputs: sum(inputs) / len(inputs),
    "Min": folded(torch.minimum),
    "Mish": plain(functional.mish),
    "Mod": _modulo,
    "Mul": binary(torch.mul),
    "Neg": plain(torch.neg),
    "Not": plain(torch.logical_not),
    "Or": binary(torch.logical_or),
    "Pow": binary(_power),
    "PRelu": plain(lambda x, slope: torch.where(x < 0, slope * x, x)),
    "Range": plain(_arange),
    "Reciprocal": plain(torch.reciprocal),
    "ReduceL1": reduction(lambda x, **how: x.abs().sum(**how)),
    "ReduceL2": reduction(lambda x, **how: torch.linalg.vector_norm(x, **how)),
    "ReduceLogSumExp": reduction(torch.logsumexp),
    "ReduceMax": reduction(torch.amax),
    "ReduceMean": reduction(torch.mean),
    "ReduceMin": reduction(torch.amin),
    "ReduceSum": reduction(torch.sum),
    "ReduceSumSquare": reduction(lambda x, **how: x.square().sum(**how)),
    "Relu": plain(torch.relu),
    "Reshape": _reshape,
    "Round": plain(torch.round),
    "Selu": _selu,
    "Shape": _shape_of,
    "Sigmoid": plain(torch.sigmoid),
    "Sign": plain(torch.sign),
    "Sin": plain(torch.sin),
    "Slice": _slices,
    "Softmax": softmax(torch.softmax),
    "Softplus": plain(functional.softplus),
    "Softsign": plain(functional.softsign),
    "Split": _split,
    "Sqrt": plain(torch.sqrt),
    "Squeeze": _squeeze,
    "Sub": binary(torch.sub),
    "Sum": folded(torch.add),
    "Tanh": plain(torch.tanh),
    "Tile": plain(lambda x, repeats: x.repeat(repeats.tolist())),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": plain(torch.where),
    "Xor": binary(torch.logical_xor),
}
