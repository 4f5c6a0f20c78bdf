"""What makes a `Model` of a module, an estimator, a function or a file."""

import sys
from collections.abc import Callable
from typing import Any

from torch import nn

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.core.model import Model
from roadworthy.frameworks.function import wrap_function
from roadworthy.frameworks.instances import is_instance
from roadworthy.frameworks.torch_module import wrap_module

__all__ = ["MXNET", "is_estimator", "wrap_model"]

MXNET = (
    "MXNet was retired in 2023 and is not read here: write the model to an ONNX file with "
    "mx.onnx.export_model and give that"
)


def is_estimator(model: Any) -> bool:
    """Say whether something is a scikit-learn estimator, without importing scikit-learn."""
    return is_instance(model, "sklearn.base", "BaseEstimator")


def _is_booster(model: Any, library: str) -> bool:
    found = sys.modules.get(library)
    return found is not None and isinstance(model, found.Booster)


def wrap_model(model: Any, dataset: Dataset, *, name: str | None = None) -> Model:
    """Make a model of what the user has; it is tried on a few test rows.

    Args:
        model: a `Model`, a PyTorch module, a fitted scikit-learn estimator, an XGBoost or
            LightGBM booster, or a function that takes a tensor or array (N, …) and
            gives logits, probabilities, labels or numbers.
        model: a `Model`; a PyTorch module; a fitted scikit-learn estimator; a Keras model; a
            module of TensorFlow, PaddlePaddle, Flax NNX or Equinox; as a tuple, a Flax Linen
            module and its variables, a Haiku function and its parameters, or a JAX function and
            its parameters; or a function that takes a tensor or array (N, …) and gives logits,
            probabilities, labels or numbers.
        dataset: says what inputs and outputs there must be.
        name: what the report calls it.

    Raises:
        InputError: it is none of these, or does not fit the dataset.
    """
    if isinstance(model, Model):
        return _checked(model, dataset)
    if isinstance(model, type):
        raise InputError(f"{model.__name__} is a class, not a model: give an instance of it")
    foreign = _foreign_wrapper(model)
    if foreign is not None:
        return foreign(model, dataset, name)
    if isinstance(model, nn.Module):
        return wrap_module(model, dataset, name)
    if is_estimator(model):
        from roadworthy.frameworks.sklearn_estimator import wrap_estimator  # slow to import

        return wrap_estimator(model, dataset, name)
    if _is_booster(model, "xgboost"):
        from roadworthy.frameworks.xgboost_model import wrap_xgboost

        return wrap_xgboost(model, dataset, name)
    if _is_booster(model, "lightgbm"):
        from roadworthy.frameworks.lightgbm_model import wrap_lightgbm

        return wrap_lightgbm(model, dataset, name)
    if is_instance(model, "tensorflow", "Module") or hasattr(model, "signatures"):
        from roadworthy.frameworks.tensorflow_function import wrap_tensorflow

        return wrap_tensorflow(model, dataset, name)
    if _is_jax(model, dataset):
        from roadworthy.frameworks.jax_function import wrap_jax

        return wrap_jax(model, dataset, name)
    if callable(model):
        return wrap_function(model, dataset, name)
    raise InputError(
        f"{type(model).__name__} is no model: give a PyTorch module, a fitted scikit-learn "
        "estimator, a JAX or Keras model, or a function of the inputs"
    )


def _foreign_wrapper(model: Any) -> Callable[[Any, Dataset, str | None], Model] | None:
    """Find who wraps the models of another framework; each is imported for its users alone."""
    if is_instance(model, "keras", "Layer"):  # on torch it is a module as well
        from roadworthy.frameworks.keras_model import wrap_keras

        return wrap_keras
    if is_instance(model, "paddle.nn", "Layer"):
        from roadworthy.frameworks.paddle_layer import wrap_paddle

        return wrap_paddle
    if "tensorflow" in sys.modules and (
        is_instance(model, "tensorflow", "Module") or hasattr(model, "signatures")
    ):
        from roadworthy.frameworks.tensorflow_function import wrap_tensorflow

        return wrap_tensorflow
    if type(model).__module__.partition(".")[0] == "mxnet":
        raise InputError(MXNET)
    return None


def _is_jax(model: Any, dataset: Dataset) -> bool:
    """Say whether something is a JAX model, without importing JAX for who does not use it."""
    if "jax" not in sys.modules:
        return False
    from roadworthy.frameworks.jax_forms import gives_jax_arrays, is_module

    return is_module(model) or (callable(model) and gives_jax_arrays(model, dataset))


def _checked(model: Model, dataset: Dataset) -> Model:
    spec, shape = model.spec, tuple(dataset.test.x.shape[1:])
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
