from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import tensorflow as tf
import torch
from torch import Tensor

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.model import ModelSpec
from roadworthy.frameworks.bridge import Foreign, cross
from roadworthy.frameworks.function import FunctionModel
from roadworthy.frameworks.layout import FOREIGN
from roadworthy.frameworks.probe import probe

SIGNATURE = "serving_default"


class TensorFlowFunction(Foreign):
    """A function of TensorFlow's tensors, traced as a graph.

    Args:
        call: takes the inputs and gives the outputs.
    """

    def __init__(self, call: Callable[[Any], Any]) -> None:
        self._call = tf.function(call, reduce_retracing=True)

    def predict(self, x: Tensor) -> Tensor:
        return _tensor(self._run(_array(x)))

    def forward(self, x: Tensor) -> tuple[Tensor, Any]:
        inputs = _array(x)
        # around a traced function the tape keeps what its derivative needs, and no more
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            outputs = self._run(inputs)
        return _tensor(outputs), (tape, inputs, outputs)

    def backward(self, residuals: Any, gradient: Tensor) -> Tensor:
        tape, inputs, outputs = residuals
        towards = tf.cast(_array(gradient), outputs.dtype)
        found = tape.gradient(
            outputs,
            inputs,
            output_gradients=towards,
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return _tensor(found)

    def _run(self, x: Any) -> Any:
        try:
            outputs = self._call(x)
        except tf.errors.OpError as error:  # of a kind of its own
            raise RuntimeError(str(error.message)) from error
        if not tf.is_tensor(outputs):
            raise TypeError(f"it gives {type(outputs).__name__} instead of one array")
        return outputs


def _array(x: Tensor) -> Any:
    return tf.experimental.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(x))


def _tensor(outputs: Any) -> Tensor:
    return torch.utils.dlpack.from_dlpack(tf.experimental.dlpack.to_dlpack(outputs))


def wrap_tensorflow(model: Any, dataset: Dataset, name: str | None = None) -> FunctionModel:
    """Make a model of a `tf.Module`, or of what `tf.saved_model.load` gives.

    Raises:
        InputError: it cannot be called, cannot take the inputs, or does not fit the dataset.
    """
    function = TensorFlowFunction(_callable(model))
    probed = probe(partial(cross, function), dataset, FOREIGN)
    holder = getattr(model, "signatures", {}).get(SIGNATURE, model)
    weights = [variable.numpy() for variable in getattr(holder, "variables", ())]
    spec = ModelSpec(
        name=name or type(model).__name__,
        task=dataset.task,
        input_shape=dataset.input_shape,
        outputs=max(1, len(dataset.classes)),
        offers=probed.offers,
        fingerprint=fingerprint(type(model).__name__, weights, probed.outputs),
        parameters=sum(value.size for value in weights) or None,
        size=sum(value.nbytes for value in weights) or None,
        stochastic=probed.is_stochastic,
        notes=probed.notes,
    )
    return FunctionModel(spec, partial(cross, function), probed)


def load_saved_model(path: Path, dataset: Dataset, *, trust: bool = False) -> FunctionModel:
    """Make a model of a SavedModel folder.

    Raises:
        InputError: it is not trusted, is damaged, or does not fit.
    """
    if not trust:
        raise InputError(
            f"{path} is a SavedModel, a program that can read and write files when it runs: if you "
            "trust it, say --trust"
        )
    try:
        model = tf.saved_model.load(str(path))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise InputError(f"TensorFlow cannot load {path}: {str(error)[:160]}") from None
    return wrap_tensorflow(model, dataset, path.name)


def _callable(model: Any) -> Callable[[Any], Any]:
    signatures = getattr(model, "signatures", {})
    if SIGNATURE not in signatures:
        if callable(model):
            return model  # type: ignore[no-any-return]
        raise InputError(f"the SavedModel has no signature {SIGNATURE}: export it with one")
    function = signatures[SIGNATURE]
    inputs, outputs = function.structured_input_signature[1], function.structured_outputs
    if len(inputs) != 1 or len(outputs) != 1:
        raise InputError(
            f"the SavedModel takes {len(inputs)} inputs and gives {len(outputs)} outputs: export "
            "it with one of each"
        )
    ((given,), (made,)) = inputs, outputs
    return lambda x: function(**{given: x})[made]
