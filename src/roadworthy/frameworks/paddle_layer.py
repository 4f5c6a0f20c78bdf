import copy
from functools import partial
from typing import Any

import paddle
import torch
from torch import Tensor

from roadworthy.core.dataset import Dataset
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.model import Model, ModelSpec
from roadworthy.frameworks.bridge import Foreign, cross
from roadworthy.frameworks.layout import TORCH
from roadworthy.frameworks.outputs import convert
from roadworthy.frameworks.probe import Probed, probe


class PaddleModel(Model):
    """A PaddlePaddle layer: scores, and gradients through its own derivative.

    Args:
        spec: what is known of it.
        function: computes it.
        probed: how to feed it and to read its outputs.
    """

    def __init__(self, spec: ModelSpec, function: "PaddleFunction", probed: Probed) -> None:
        super().__init__(spec)
        self._function = function
        self._probed = probed

    def forward(self, x: Tensor) -> Tensor:
        outputs = cross(self._function, self._probed.layout.arrange(x))
        return convert(outputs, self._probed.reading, self.spec.outputs).to(x)


class PaddleFunction(Foreign):
    """A layer in evaluation mode whose weights need no gradient.

    Args:
        layer: a copy of the caller's.
    """

    def __init__(self, layer: Any) -> None:
        layer.eval()
        for weight in layer.parameters():
            weight.stop_gradient = True
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


def wrap_paddle(layer: Any, dataset: Dataset, name: str | None = None) -> PaddleModel:
    """Make a model of a `paddle.nn.Layer`; a copy is inspected, in evaluation mode.

    Raises:
        InputError: it cannot take the inputs, or its outputs do not fit the dataset.
    """
    function = PaddleFunction(copy.deepcopy(layer))
    probed = probe(partial(cross, function), dataset, TORCH)
    weights = {key: value.numpy() for key, value in layer.state_dict().items()}
    spec = ModelSpec(
        name=name or type(layer).__name__,
        task=dataset.task,
        input_shape=tuple(dataset.test.x.shape[1:]),
        outputs=max(1, len(dataset.classes)),
        offers=probed.offers,
        fingerprint=fingerprint(repr(layer), weights, probed.outputs),
        parameters=sum(value.size for value in weights.values()),
        size=sum(value.nbytes for value in weights.values()),
        stochastic=probed.is_stochastic,
        notes=probed.notes,
    )
    return PaddleModel(spec, function, probed)
