import inspect
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError, MissingExtraError
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.model import ModelSpec
from roadworthy.frameworks.bridge import cross
from roadworthy.frameworks.function import FunctionModel
from roadworthy.frameworks.layout import FOREIGN
from roadworthy.frameworks.probe import MODEL_ERRORS, probe


def wrap_keras(model: Any, dataset: Dataset, name: str | None = None) -> FunctionModel:
    """Make a model of a Keras model; it is called in inference mode and left as it is.

    Raises:
        InputError: it has no weights yet, cannot take the inputs, or does not fit the dataset.
    """
    import keras

    if not model.built:
        raise InputError(f"{model.name} has no weights yet: give it an Input layer or call it once")
    call = _BACKENDS[keras.backend.backend()](model)
    probed = probe(call, dataset, FOREIGN)
    values = [keras.ops.convert_to_numpy(weight) for weight in model.weights]
    spec = ModelSpec(
        name=name or model.name,
        task=dataset.task,
        input_shape=dataset.input_shape,
        outputs=max(1, len(dataset.classes)),
        offers=probed.offers,
        fingerprint=fingerprint(type(model).__name__, _config(model), values, probed.outputs),
        parameters=sum(value.size for value in values),
        size=sum(value.nbytes for value in values),
        stochastic=probed.is_stochastic,
        notes=probed.notes,
    )
    return FunctionModel(spec, call, probed)


def load_keras(path: Path, dataset: Dataset, *, trust: bool = False) -> FunctionModel:
    """Make a model of a `.keras` file.

    Args:
        path: the file.
        dataset: says what inputs and outputs there must be.
        trust: run the code that the file may bring in its lambda layers.

    Raises:
        InputError: it is damaged, brings code, or does not fit.
        MissingExtraError: Keras is not installed.
    """
    os.environ.setdefault("KERAS_BACKEND", "torch")  # Keras's own default may not be installed
    try:
        import keras
    except ImportError:
        raise MissingExtraError("a Keras model", "keras") from None
    try:
        model = keras.models.load_model(path, compile=False, safe_mode=not trust)
    except MODEL_ERRORS as error:
        cause = " ".join(str(error).split())[:160]
        advice = "" if trust else "; if it brings code that you trust: --trust"
        raise InputError(f"Keras cannot load {path} ({cause}){advice}") from None
    return wrap_keras(model, dataset, path.name)


def _on_torch(model: Any) -> Callable[[Tensor], Tensor]:
    # detached: an attack's backward pass must not leave gradients on the caller's weights
    weights = [
        [variable.value.detach() for variable in part]
        for part in (model.trainable_variables, model.non_trainable_variables)
    ]

    def call(x: Tensor) -> Tensor:
        outputs: Tensor = model.stateless_call(*weights, x.float(), training=False)[0]
        return outputs

    return call


def _on_jax(model: Any) -> Callable[[Tensor], Tensor]:
    from roadworthy.frameworks.jax_function import JaxFunction

    weights = tuple(
        [variable.value for variable in part]
        for part in (model.trainable_variables, model.non_trainable_variables)
    )
    function = JaxFunction(lambda p, x: model.stateless_call(*p, x, training=False)[0], weights)
    return partial(cross, function)


def _on_tensorflow(model: Any) -> Callable[[Tensor], Tensor]:
    from roadworthy.frameworks.tensorflow_function import TensorFlowFunction

    return partial(cross, TensorFlowFunction(lambda x: model(x, training=False)))


_BACKENDS = {"torch": _on_torch, "jax": _on_jax, "tensorflow": _on_tensorflow}


def _config(model: Any) -> str:
    try:
        return str(model.to_json())
    except (NotImplementedError, TypeError, ValueError):  # written as a class: its source tells
        pass
    try:
        return inspect.getsource(type(model))
    except (OSError, TypeError):  # typed into a console: no file holds it
        return type(model).__name__
