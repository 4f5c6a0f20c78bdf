from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Attributes = dict[str, Any]
Operation = Callable[..., Any]


class UnknownStepError(Exception):
    """The graph holds a step that is not written in torch here."""


class OnnxGraph(nn.Module):
    """An ONNX graph computed step by step in torch, so that autograd reaches its inputs.

    Args:
        graph: the file's graph, with all weights read.
        numpy: turns one of its tensors into an array: `onnx.numpy_helper.to_array`.
        read: turns one of its attributes into a value: `onnx.helper.get_attribute_value`.
        output: name of the output to give.

    Raises:
        UnknownStepError: it holds a step, or a setting of one, that is not known here.
    """

    def __init__(self, graph: Any, numpy: Operation, read: Operation, output: str) -> None:
        super().__init__()
        self._constants = {
            part.name: torch.from_numpy(numpy(part).copy()) for part in graph.initializer
        }
        inputs = [part.name for part in graph.input if part.name not in self._constants]
        (self._input,) = inputs
        self._output = output
        self._steps = []
        for node in graph.node:
            attributes = {part.name: read(part) for part in node.attribute}
            if node.op_type == "Constant" and "value" in attributes:
                value = torch.from_numpy(numpy(attributes["value"]).copy())
                self._constants[node.output[0]] = value
                continue
            if node.op_type not in OPERATIONS or node.domain not in ("", "ai.onnx"):
                raise UnknownStepError(node.op_type)
            step = OPERATIONS[node.op_type]
            self._steps.append((step, attributes, tuple(node.input), tuple(node.output)))

    def forward(self, x: Tensor) -> Tensor:
        values: dict[str, Any] = {**self._constants, self._input: x, "": None}
        for step, attributes, inputs, outputs in self._steps:
            made = step(attributes, *(values[name] for name in inputs))
            values.update(zip(outputs, made if isinstance(made, tuple) else (made,), strict=False))
        result: Tensor = values[self._output]
        return result


def _pads(attributes: Attributes, x: Tensor, size: list[int], steps: list[int]) -> list[int]:
    """Give ONNX's padding in the order that torch wants: last axis first, before and after."""
    spatial = x.ndim - 2
    pads = list(attributes.get("pads", [0] * 2 * spatial))
    auto = attributes.get("auto_pad", b"NOTSET").decode()
    if auto.startswith("SAME"):
        before, after = [], []
        for axis in range(spatial):
            length, step = x.shape[2 + axis], steps[axis]
            total = max(0, (-(-length // step) - 1) * step + size[axis] - length)
            less = total // 2
            before.append(less if auto == "SAME_UPPER" else total - less)
            after.append(total - before[-1])
        pads = before + after
    return [pads[axis + side * spatial] for axis in reversed(range(spatial)) for side in (0, 1)]


def _conv(a: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    spatial = x.ndim - 2
    steps, spread = a.get("strides", [1] * spatial), a.get("dilations", [1] * spatial)
    sizes = [(k - 1) * d + 1 for k, d in zip(weight.shape[2:], spread, strict=True)]
    x = functional.pad(x, _pads(a, x, sizes, steps))
    run = (functional.conv1d, functional.conv2d, functional.conv3d)[spatial - 1]
    return run(x, weight, bias, tuple(steps), 0, tuple(spread), a.get("group", 1))


def _pool(a: Attributes, x: Tensor, is_max: bool) -> Tensor:
    spatial, size = x.ndim - 2, a["kernel_shape"]
    steps = a.get("strides", [1] * spatial)
    if spatial != 2 or a.get("ceil_mode", 0) or any(d != 1 for d in a.get("dilations", [])):
        raise UnknownStepError("pooling of this kind")
    pads = _pads(a, x, size, steps)
    if is_max:
        return functional.max_pool2d(functional.pad(x, pads, value=-torch.inf), size, steps)
    mean = functional.avg_pool2d(functional.pad(x, pads), size, steps)
    if any(pads) and not a.get("count_include_pad", 0):
        inside = functional.pad(torch.ones_like(x), pads)
        mean = mean / functional.avg_pool2d(inside, size, steps)
    return mean


def _gemm(a: Attributes, x: Tensor, y: Tensor, z: Tensor | None = None) -> Tensor:
    x, y = x.T if a.get("transA") else x, y.T if a.get("transB") else y
    product = a.get("alpha", 1.0) * (x @ y)
    return product if z is None else product + a.get("beta", 1.0) * z


def _reshape(a: Attributes, x: Tensor, shape: Tensor) -> Tensor:
    sizes = [x.shape[k] if size == 0 else size for k, size in enumerate(shape.tolist())]
    return x.reshape(sizes)


def _flatten(a: Attributes, x: Tensor) -> Tensor:
    axis = a.get("axis", 1) % (x.ndim + 1)
    return x.reshape(x.shape[:axis].numel(), -1)


def _batch_norm(a: Attributes, x: Tensor, scale: Tensor, shift: Tensor, *learned: Tensor) -> Tensor:
    if a.get("training_mode", 0):
        raise UnknownStepError("batch normalization in training mode")
    return functional.batch_norm(x, *learned, scale, shift, False, 0.0, a.get("epsilon", 1e-5))


def _clip(a: Attributes, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Any:
    low, high = a.get("min", low), a.get("max", high)
    return x if low is None and high is None else x.clamp(low, high)


def _axes(a: Attributes, given: Tensor | None) -> list[int] | None:
    return a.get("axes") if given is None else given.tolist()


def _reduce(run: Operation) -> Operation:
    def step(a: Attributes, x: Tensor, given: Tensor | None = None) -> Any:
        axes = _axes(a, given)
        return run(x, list(range(x.ndim)) if axes is None else axes, bool(a.get("keepdims", 1)))

    return step


def _squeeze(a: Attributes, x: Tensor, given: Tensor | None = None) -> Tensor:
    axes = _axes(a, given)
    return x.squeeze() if axes is None else x.squeeze(axes)


def _unsqueeze(a: Attributes, x: Tensor, given: Tensor | None = None) -> Tensor:
    axes = _axes(a, given) or []
    for axis in sorted(axis % (x.ndim + len(axes)) for axis in axes):
        x = x.unsqueeze(axis)
    return x


def _pad(a: Attributes, x: Tensor, pads: Tensor, value: Tensor | None = None, *_: Any) -> Tensor:
    if a.get("mode", b"constant") != b"constant" or _:
        raise UnknownStepError("padding of this kind")
    sizes = pads.tolist()
    turned = [sizes[k + side * x.ndim] for k in reversed(range(x.ndim)) for side in (0, 1)]
    return functional.pad(x, turned, value=0.0 if value is None else float(value))


OPERATIONS: dict[str, Operation] = {
    "Abs": lambda a, x: x.abs(),
    "Add": lambda a, x, y: x + y,
    "AveragePool": lambda a, x: _pool(a, x, False),
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Concat": lambda a, *x: torch.cat(x, a["axis"]),
    "Conv": _conv,
    "Div": lambda a, x, y: x / y if x.is_floating_point() else x // y,
    "Dropout": lambda a, x, *_: x,
    "Elu": lambda a, x: functional.elu(x, a.get("alpha", 1.0)),
    "Erf": lambda a, x: x.erf(),
    "Exp": lambda a, x: x.exp(),
    "Flatten": _flatten,
    "Gather": lambda a, x, i: x.index_select(a.get("axis", 0), i.reshape(-1)).reshape(
        *x.shape[: a.get("axis", 0) % x.ndim], *i.shape, *x.shape[a.get("axis", 0) % x.ndim + 1 :]
    ),
    "Gelu": lambda a, x: functional.gelu(x, approximate=a.get("approximate", b"none").decode()),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda a, x: x.mean(tuple(range(2, x.ndim)), keepdim=True),
    "GlobalMaxPool": lambda a, x: x.amax(tuple(range(2, x.ndim)), keepdim=True),
    "HardSigmoid": lambda a, x: (a.get("alpha", 0.2) * x + a.get("beta", 0.5)).clamp(0, 1),
    "HardSwish": lambda a, x: functional.hardswish(x),
    "Identity": lambda a, x: x,
    "LayerNormalization": lambda a, x, w, b=None: functional.layer_norm(
        x, x.shape[a.get("axis", -1) % x.ndim :], w, b, a.get("epsilon", 1e-5)
    ),
    "LeakyRelu": lambda a, x: functional.leaky_relu(x, a.get("alpha", 0.01)),
    "Log": lambda a, x: x.log(),
    "LogSoftmax": lambda a, x: x.log_softmax(a.get("axis", -1)),
    "MatMul": lambda a, x, y: x @ y,
    "MaxPool": lambda a, x: _pool(a, x, True),
    "Mul": lambda a, x, y: x * y,
    "Neg": lambda a, x: -x,
    "PRelu": lambda a, x, slope: torch.where(x < 0, x * slope, x),
    "Pad": _pad,
    "Pow": lambda a, x, y: x**y,
    "ReduceMax": _reduce(torch.amax),
    "ReduceMean": _reduce(torch.mean),
    "ReduceSum": _reduce(torch.sum),
    "Relu": lambda a, x: x.relu(),
    "Reshape": _reshape,
    "Selu": lambda a, x: functional.selu(x),
    "Shape": lambda a, x: torch.tensor(x.shape),
    "Sigmoid": lambda a, x: x.sigmoid(),
    "Softmax": lambda a, x: x.softmax(a.get("axis", -1)),
    "Softplus": lambda a, x: functional.softplus(x),
    "Sqrt": lambda a, x: x.sqrt(),
    "Squeeze": _squeeze,
    "Sub": lambda a, x, y: x - y,
    "Sum": lambda a, *x: sum(x[1:], x[0]),
    "Tanh": lambda a, x: x.tanh(),
    "Transpose": lambda a, x: x.permute(a.get("perm", tuple(reversed(range(x.ndim))))),
    "Unsqueeze": _unsqueeze,
}
