"""What makes a `Model` of a module, an estimator, a function or a file."""

import sys
from importlib import import_module
from typing import Any

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.core.model import Model
from roadworthy.frameworks.function import wrap_function
from roadworthy.frameworks.instances import is_instance

__all__ = ["MXNET", "is_estimator", "wrap_model"]

MXNET = (
    "MXNet was retired in 2023 and is not read here: write the model to an ONNX file with "
    "mx.onnx.export_model and give that"
)
# package and class of a model, and the adapter's file and function, which is imported when needed;
# Keras comes before torch, of which its models may be modules as well
ADAPTERS = (
    ("keras", "Layer", "keras_model", "wrap_keras"),
    ("paddle.nn", "Layer", "paddle_layer", "wrap_paddle"),
    ("torch.nn", "Module", "torch_module", "wrap_module"),
    ("sklearn.base", "BaseEstimator", "sklearn_estimator", "wrap_estimator"),
    ("xgboost", "Booster", "xgboost_model", "wrap_xgboost"),
    ("lightgbm", "Booster", "lightgbm_model", "wrap_lightgbm"),
    ("tensorflow", "Module", "tensorflow_function", "wrap_tensorflow"),
)


def is_estimator(model: Any) -> bool:
    """Say whether something is a scikit-learn estimator, without importing scikit-learn."""
    return is_instance(model, "sklearn.base", "BaseEstimator")


def wrap_model(model: Any, dataset: Dataset, *, name: str | None = None) -> Model:
    """Make a model of what the user has; it is tried on a few test rows.

    Args:
        model: a `Model`; a PyTorch module; a fitted scikit-learn estimator; an XGBoost or LightGBM
            booster; a Keras model; a module of TensorFlow, PaddlePaddle, Flax NNX or Equinox; as a
            tuple, a Flax Linen module and its variables, a Haiku function and its parameters, or a
            JAX function and its parameters; or a function that takes a tensor or array (N, …), or
            a list of texts, and gives logits, probabilities, labels or numbers.
        dataset: says what inputs and outputs there must be.
        name: what the report calls it.

    Raises:
        InputError: it is none of these, or does not fit the dataset.
    """
    if isinstance(model, Model):
        return _checked(model, dataset)
    if isinstance(model, type):
        raise InputError(f"{model.__name__} is a class, not a model: give an instance of it")
    if type(model).__module__.partition(".")[0] == "mxnet":
        raise InputError(MXNET)
    wrap = _adapter(model, dataset)
    if wrap is None:
        raise InputError(
            f"{type(model).__name__} is no model: give a PyTorch module, a fitted scikit-learn "
            "estimator, a JAX or Keras model, or a function of the inputs"
        )
    wrapped: Model = wrap(model, dataset, name)
    return wrapped


def _adapter(model: Any, dataset: Dataset) -> Any:
    """Find who wraps a model; each adapter is imported for its users alone."""
    for package, kind, file, function in ADAPTERS:
        if is_instance(model, package, kind):
            return getattr(import_module(f"roadworthy.frameworks.{file}"), function)
    if "tensorflow" in sys.modules and hasattr(model, "signatures"):  # a loaded SavedModel
        return import_module("roadworthy.frameworks.tensorflow_function").wrap_tensorflow
    if _is_jax(model, dataset):
        return import_module("roadworthy.frameworks.jax_function").wrap_jax
    return wrap_function if callable(model) else None


def _is_jax(model: Any, dataset: Dataset) -> bool:
    """Say whether something is a JAX model, without importing JAX for who does not use it."""
    if "jax" not in sys.modules:
        return False
    from roadworthy.frameworks.jax_forms import gives_jax_arrays, is_module

    return is_module(model) or (callable(model) and gives_jax_arrays(model, dataset))


def _checked(model: Model, dataset: Dataset) -> Model:
    spec, shape = model.spec, dataset.input_shape
    if spec.task != dataset.task or spec.outputs != max(1, len(dataset.classes)):
        raise InputError(
            f"{spec.name} is for a {spec.task} task with {spec.outputs} outputs, but "
            f"{dataset.name} is a {dataset.task} task with {len(dataset.classes)} classes"
        )
    if tuple(spec.input_shape) != shape:
        raise InputError(
            f"{spec.name} takes inputs of shape {tuple(spec.input_shape)}, but those of "
            f"{dataset.name} have shape {shape}"
        )
    return model
