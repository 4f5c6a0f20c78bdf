import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch import Tensor

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.model import ModelSpec
from roadworthy.frameworks.bridge import Foreign, cross
from roadworthy.frameworks.function import FunctionModel
from roadworthy.frameworks.jax_forms import Form, forms
from roadworthy.frameworks.layout import FOREIGN
from roadworthy.frameworks.probe import Probed, probe


class JaxFunction(Foreign):
    """A function of parameters and inputs, compiled once for each number of rows.

    The arrays among the parameters are arguments of what is compiled: as constants they would be
    copied into each compiled program.

    Args:
        call: takes the parameters and the inputs.
        parameters: any tree of arrays and other things.
    """

    def __init__(self, call: Callable[[Any, Any], Any], parameters: Any) -> None:
        leaves, tree = jax.tree.flatten(parameters)
        is_array = [isinstance(leaf, (jax.Array, np.ndarray)) for leaf in leaves]
        others = [None if found else leaf for leaf, found in zip(leaves, is_array, strict=True)]
        self.arrays = [jnp.asarray(x) for x, found in zip(leaves, is_array, strict=True) if found]

        def run(arrays: list[jax.Array], x: jax.Array) -> Any:
            left = iter(arrays)
            pairs = zip(others, is_array, strict=True)
            whole = [next(left) if found else other for other, found in pairs]
            return call(jax.tree.unflatten(tree, whole), x)

        self._predict = jax.jit(run)
        self._forward = jax.jit(lambda arrays, x: jax.vjp(partial(run, arrays), x))
        self._backward = jax.jit(lambda pullback, gradient: pullback(gradient)[0])
        if any(array.dtype == jnp.float64 for array in self.arrays):
            self.dtype = torch.float64
        devices = [device for array in self.arrays for device in array.devices()]
        self._device = devices[0] if devices else jax.devices()[0]

    def predict(self, x: Tensor) -> Tensor:
        return self._tensor(self._predict(self.arrays, self._array(x)))

    def forward(self, x: Tensor) -> tuple[Tensor, Any]:
        outputs, pullback = self._forward(self.arrays, self._array(x))
        return self._tensor(outputs), (pullback, outputs.dtype)

    def backward(self, residuals: Any, gradient: Tensor) -> Tensor:
        pullback, dtype = residuals
        return self._tensor(self._backward(pullback, self._array(gradient).astype(dtype)))

    def _array(self, x: Tensor) -> jax.Array:
        return jax.device_put(jnp.from_dlpack(x), self._device)

    def _tensor(self, outputs: Any) -> Tensor:
        if not isinstance(outputs, jax.Array):
            raise TypeError(f"it gives {type(outputs).__name__} instead of one array")
        if outputs.ndim == 0:
            raise TypeError("it gives one number for all rows")
        if self._device.platform == "cpu":
            return torch.from_dlpack(outputs)
        return torch.from_dlpack(jax.device_put(outputs, jax.devices("cpu")[0]))


@dataclass(frozen=True)
class _Tried:
    form: Form
    function: JaxFunction
    probed: Probed


def wrap_jax(model: Any, dataset: Dataset, name: str | None = None) -> FunctionModel:
    """Make a model of a JAX function, or of a module of Flax, Haiku or Equinox.

    Args:
        model: a function of the inputs; a pair of a function of parameters and inputs, and the
            parameters; a Flax NNX or Equinox module; a Flax Linen module and its variables; a
            Haiku transformed function, its parameters and, where it has one, its state.
        dataset: says what inputs and outputs there must be.
        name: what the report calls it.

    Raises:
        InputError: it cannot take the inputs, or its outputs do not fit the dataset.
    """
    tried = _try_forms(model, dataset)
    form, function, probed = tried.form, tried.function, tried.probed
    numbers = [array for array in function.arrays if jnp.issubdtype(array.dtype, jnp.inexact)]
    spec = ModelSpec(
        name=name or form.name,
        task=dataset.task,
        input_shape=dataset.input_shape,
        outputs=max(1, len(dataset.classes)),
        offers=probed.offers,
        fingerprint=fingerprint(
            form.name, _source(form.subject), [_values(a) for a in function.arrays], probed.outputs
        ),
        parameters=sum(array.size for array in numbers) or None,
        size=sum(array.nbytes for array in numbers) or None,
        stochastic=probed.is_stochastic,
        notes=(*form.notes, *probed.notes),
    )
    return FunctionModel(spec, partial(cross, function), probed)


def _try_forms(model: Any, dataset: Dataset) -> _Tried:
    """Find how the model wants to be called: the first way that gives outputs for the dataset."""
    errors = []
    for form in forms(model):
        function = JaxFunction(form.call, form.parameters)
        try:
            return _Tried(form, function, probe(partial(cross, function), dataset, FOREIGN))
        except InputError as error:
            errors.append(error)
    ran = [error for error in errors if error.__cause__ is None]
    raise (ran or errors)[0] from None


def _values(array: jax.Array) -> np.ndarray:
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    if array.dtype == jnp.bfloat16:  # numpy knows none; float32 holds each of its values
        array = array.astype(jnp.float32)
    return np.asarray(array)


def _source(subject: Any) -> str:
    subject = inspect.unwrap(subject) if inspect.isroutine(subject) else subject
    try:
        return inspect.getsource(subject if inspect.isroutine(subject) else type(subject))
    except (OSError, TypeError):  # built in or typed into a console: no file holds it
        return type(subject).__name__
