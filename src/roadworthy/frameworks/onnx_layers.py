"""The operators of ONNX that are layers of a network: convolutions, pools, normalizations."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from roadworthy.frameworks.onnx_node import Node, UnknownOperator

CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
TRANSPOSED = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}
MAXIMA = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
MEANS = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}
PADDINGS = {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}

# kinds of Resize and the places between pixels that torch reads at
INTERPOLATIONS = {
    "nearest": ("asymmetric", ""),
    "linear": ("half_pixel", "pytorch_half_pixel", "align_corners", ""),
}


def _gemm(node: Node, a: Tensor, b: Tensor, c: Tensor | None = None) -> Tensor:
    product = (a.T if node.get("transA", 0) else a) @ (b.T if node.get("transB", 0) else b)
    product = product * node.get("alpha", 1.0)
    return product if c is None else product + c * node.get("beta", 1.0)


def _conv(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    axes = x.ndim - 2
    kernel = list(weight.shape[2:])
    strides, dilations = _per_axis(node, "strides", axes), _per_axis(node, "dilations", axes)
    x = functional.pad(x, _padding(node, x, kernel, strides, dilations))
    return CONVOLUTIONS[axes](
        x, weight, bias, strides, dilation=dilations, groups=node.get("group", 1)
    )


def _conv_transpose(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    axes = x.ndim - 2
    node.require("auto_pad", "NOTSET")
    node.require("output_shape", None)
    whole = TRANSPOSED[axes](
        x,
        weight,
        bias,
        _per_axis(node, "strides", axes),
        output_padding=node.get("output_padding", [0] * axes),
        groups=node.get("group", 1),
        dilation=_per_axis(node, "dilations", axes),
    )
    # what ONNX calls padding here is cut off, at either end by an amount of its own
    return functional.pad(
        whole, [-amount for amount in _ends_first(node.get("pads", [0] * 2 * axes))]
    )


def _max_pool(node: Node, x: Tensor) -> Tensor:
    kernel, strides, dilations, padding = _window(node, x)
    x = functional.pad(x, padding, value=float("-inf"))
    is_ceil = bool(node.get("ceil_mode", 0))
    pool = MAXIMA[len(kernel)]
    return pool(x, kernel, strides, dilation=dilations, ceil_mode=is_ceil)


def _average_pool(node: Node, x: Tensor) -> Tensor:
    node.require("dilations", None, [1] * (x.ndim - 2))
    kernel, strides, _, padding = _window(node, x)
    is_ceil = bool(node.get("ceil_mode", 0))
    pool = MEANS[len(kernel)]
    mean = pool(functional.pad(x, padding), kernel, strides, ceil_mode=is_ceil)
    if node.get("count_include_pad", 0) or not any(padding):
        return mean
    is_real = functional.pad(torch.ones_like(x[:1, :1]), padding)
    return mean / pool(is_real, kernel, strides, ceil_mode=is_ceil)


def _window(node: Node, x: Tensor) -> tuple[list[int], list[int], list[int], list[int]]:
    kernel = list(node.get("kernel_shape"))
    strides = _per_axis(node, "strides", len(kernel))
    dilations = _per_axis(node, "dilations", len(kernel))
    return kernel, strides, dilations, _padding(node, x, kernel, strides, dilations)


def _per_axis(node: Node, name: str, axes: int) -> list[int]:
    return list(node.get(name, [1] * axes))


def _padding(
    node: Node, x: Tensor, kernel: list[int], strides: list[int], dilations: list[int]
) -> list[int]:
    """Give how much to pad, in torch's order."""
    mode = node.get("auto_pad", "NOTSET")
    if mode in ("NOTSET", "VALID"):
        pads = node.get("pads", [0] * 2 * len(kernel)) if mode == "NOTSET" else [0, 0] * len(kernel)
        return _ends_first(pads)
    begins, ends = [], []
    for size, k, stride, dilation in zip(x.shape[2:], kernel, strides, dilations, strict=True):
        windows = -(-size // stride)
        missing = max(0, (windows - 1) * stride + (k - 1) * dilation + 1 - size)
        begins.append(missing // 2 if mode == "SAME_UPPER" else missing - missing // 2)
        ends.append(missing - begins[-1])
    return _ends_first([*begins, *ends])


def _ends_first(pads: list[int]) -> list[int]:
    """Order padding as torch does, last axis first; ONNX has all begins and then all ends."""
    half = len(pads) // 2
    pairs = list(zip(pads[:half], pads[half:], strict=True))
    return [amount for pair in reversed(pairs) for amount in pair]


def _pad(
    node: Node,
    x: Tensor,
    pads: Tensor | None = None,
    value: Tensor | None = None,
    axes: Tensor | None = None,
) -> Tensor:
    given = node.get("pads", node.get("paddings")) if pads is None else pads.tolist()
    places = list(range(x.ndim)) if axes is None else [axis % x.ndim for axis in axes.tolist()]
    amounts = [0] * 2 * x.ndim
    for k, axis in enumerate(places):
        amounts[axis], amounts[x.ndim + axis] = given[k], given[len(places) + k]
    ordered = _ends_first(amounts)
    mode = node.get("mode", "constant")
    if mode == "constant":
        fill = node.get("value", 0.0) if value is None else value.item()
        return functional.pad(x, ordered, value=fill)
    spatial = 2 * (x.ndim - 2)
    if any(ordered[spatial:]):
        raise UnknownOperator(f"Pad of rows or channels with mode = {mode}")
    return functional.pad(x, ordered[:spatial], mode=PADDINGS[mode])


def _batch_normalization(
    node: Node, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor
) -> Tensor:
    node.require("training_mode", 0)
    return functional.batch_norm(x, mean, variance, scale, bias, eps=node.get("epsilon", 1e-5))


def _instance_normalization(node: Node, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    return functional.instance_norm(x, weight=scale, bias=bias, eps=node.get("epsilon", 1e-5))


def _group_normalization(node: Node, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    if node.opset < 21:  # one factor per group, where later there is one per channel
        each = x.shape[1] // node.get("num_groups")
        scale, bias = scale.repeat_interleave(each), bias.repeat_interleave(each)
    return functional.group_norm(x, node.get("num_groups"), scale, bias, node.get("epsilon", 1e-5))


def _layer_normalization(
    node: Node, x: Tensor, scale: Tensor, bias: Tensor | None = None
) -> Tensor:
    shape = x.shape[node.get("axis", -1) :]
    scaled = functional.layer_norm(x, shape, eps=node.get("epsilon", 1e-5)) * scale
    return scaled if bias is None else scaled + bias


def _local_response_normalization(node: Node, x: Tensor) -> Tensor:
    return functional.local_response_norm(
        x, node.get("size"), node.get("alpha", 1e-4), node.get("beta", 0.75), node.get("bias", 1.0)
    )


def _dropout(
    node: Node, x: Tensor, ratio: Tensor | None = None, is_training: Tensor | None = None
) -> Tensor:
    if is_training is not None and bool(is_training):
        raise UnknownOperator("Dropout in training mode")
    return x


def over_space(reduce: Callable[..., Tensor]) -> Callable[[Node, Tensor], Tensor]:
    """Make the operator that reduces all axes after rows and channels to 1."""

    def operator(node: Node, x: Tensor) -> Tensor:
        return reduce(x, dim=tuple(range(2, x.ndim)), keepdim=True)

    return operator


def _depth_to_space(node: Node, x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    b = node.get("blocksize")
    if node.get("mode", "DCR") == "CRD":
        return functional.pixel_shuffle(x, b)
    blocks = x.reshape(n, b, b, c // b**2, h, w).permute(0, 3, 4, 1, 5, 2)
    return blocks.reshape(n, c // b**2, h * b, w * b)


def _resize(
    node: Node,
    x: Tensor,
    region: Tensor | None = None,
    scales: Tensor | None = None,
    sizes: Tensor | None = None,
) -> Tensor:
    if node.opset < 11:
        region, scales = None, region
    node.require("axes", None)
    node.require("keep_aspect_ratio_policy", "stretch")
    mode, places = node.get("mode", "nearest"), node.get("coordinate_transformation_mode", "")
    if mode not in INTERPOLATIONS or places not in INTERPOLATIONS[mode]:
        raise UnknownOperator(f"Resize with mode = {mode} at {places or 'the usual'} places")
    if sizes is None:
        assert scales is not None
        wanted = [int(n * s) for n, s in zip(x.shape, scales.tolist(), strict=True)]
    else:
        wanted = sizes.tolist()
    if tuple(wanted[:2]) != tuple(x.shape[:2]):
        raise UnknownOperator("Resize of rows or channels")
    method = mode if mode == "nearest" or x.ndim == 3 else {3: "tri", 2: "bi"}[x.ndim - 2] + mode
    corners = None if mode == "nearest" else places == "align_corners"
    return functional.interpolate(x, wanted[2:], mode=method, align_corners=corners)


LAYERS: dict[str, Callable[..., Any]] = {
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_normalization,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "DepthToSpace": _depth_to_space,
    "Dropout": _dropout,
    "Gemm": _gemm,
    "GlobalAveragePool": over_space(torch.mean),
    "GlobalMaxPool": over_space(torch.amax),
    "GroupNormalization": _group_normalization,
    "InstanceNormalization": _instance_normalization,
    "LayerNormalization": _layer_normalization,
    "LRN": _local_response_normalization,
    "MaxPool": _max_pool,
    "Pad": _pad,
    "Resize": _resize,
}
