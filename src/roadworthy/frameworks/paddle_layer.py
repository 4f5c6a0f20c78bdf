import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import paddle
import torch
from torch import Tensor

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.model import ModelSpec
from roadworthy.frameworks.bridge import Foreign, cross
from roadworthy.frameworks.function import FunctionModel
from roadworthy.frameworks.layout import TORCH
from roadworthy.frameworks.probe import probe

NO_GRADIENTS = (
    "A layer from paddle.jit.load shows scores but no gradients: give the layer that was saved."
)


class PaddleFunction(Foreign):
    """A layer in evaluation mode.

    Args:
        layer: what computes it, which nobody else changes.
    """

    def __init__(self, layer: Any) -> None:
        self._layer = layer

    def predict(self, x: Tensor) -> Tensor:
        with paddle.no_grad():
            return _tensor(self._layer(_array(x)))

    def forward(self, x: Tensor) -> tuple[Tensor, Any]:
        inputs = _array(x)
        inputs.stop_gradient = False
        outputs = self._layer(inputs)
        return _tensor(outputs), (inputs, outputs)

    def backward(self, residuals: Any, gradient: Tensor) -> Tensor:
        inputs, outputs = residuals
        (found,) = paddle.grad(outputs, inputs, _array(gradient), retain_graph=True)
        return _tensor(found)


def _array(x: Tensor) -> Any:
    return paddle.utils.dlpack.from_dlpack(x)


def _tensor(outputs: Any) -> Tensor:
    if not isinstance(outputs, paddle.Tensor):
        raise TypeError(f"it gives {type(outputs).__name__} instead of one array")
    return torch.utils.dlpack.from_dlpack(paddle.utils.dlpack.to_dlpack(outputs.detach()))


def wrap_paddle(layer: Any, dataset: Dataset, name: str | None = None) -> FunctionModel:
    """Make a model of a `paddle.nn.Layer`; a copy is inspected, in evaluation mode.

    Raises:
        InputError: it cannot take the inputs, or its outputs do not fit the dataset.
    """
    # two classes, one for each format of the file, and the newer one has no public name
    is_loaded = type(layer).__name__ in ("TranslatedLayer", "PirTranslatedLayer")
    call = _without_gradients(layer) if is_loaded else _with_gradients(layer)
    probed = probe(call, dataset, TORCH)
    weights = {key: value.numpy() for key, value in layer.state_dict().items()}
    spec = ModelSpec(
        name=name or type(layer).__name__,
        task=dataset.task,
        input_shape=dataset.input_shape,
        outputs=max(1, len(dataset.classes)),
        offers=probed.offers,
        fingerprint=fingerprint(repr(layer), weights, probed.outputs),
        parameters=sum(value.size for value in weights.values()),
        size=sum(value.nbytes for value in weights.values()),
        stochastic=probed.is_stochastic,
        notes=(*probed.notes, NO_GRADIENTS) if is_loaded else probed.notes,
    )
    return FunctionModel(spec, call, probed)


def _with_gradients(layer: Any) -> Callable[[Tensor], Tensor]:
    """Call a copy whose weights need no gradient."""
    layer = copy.deepcopy(layer)
    layer.eval()
    for weight in layer.parameters():
        weight.stop_gradient = True
    return partial(cross, PaddleFunction(layer))


def _without_gradients(layer: Any) -> Callable[[Tensor], Tensor]:
    """Call a program read by `paddle.jit.load`; for evaluation it has no derivative."""
    if layer.training:  # it cannot be copied, and the caller's must stay as it is
        raise InputError("the layer from paddle.jit.load is in training mode: call its eval()")
    function = PaddleFunction(layer)
    return lambda x: cross(function, x.detach())
