import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.model import Model, ModelSpec
from roadworthy.core.text import to_texts
from roadworthy.frameworks.outputs import convert, like_inputs
from roadworthy.frameworks.probe import Probed, probe


class FunctionModel(Model):
    """Any function of inputs: labels or scores, and gradients if autograd reaches through it.

    Args:
        spec: what is known of it.
        call: takes a tensor and gives one.
        probed: how to feed it and to read its outputs.
    """

    def __init__(self, spec: ModelSpec, call: Callable[[Tensor], Any], probed: Probed) -> None:
        super().__init__(spec)
        self._call = call
        self._probed = probed

    def forward(self, x: Tensor) -> Tensor:
        outputs = self._call(self._probed.layout.arrange(x))
        return like_inputs(convert(outputs, self._probed.reading, self.spec.outputs), x)


def wrap_function(
    function: Callable[[Any], Any], dataset: Dataset, name: str | None = None
) -> FunctionModel:
    """Make a model of a function that takes a tensor or an array and gives one row per input.

    Of a dataset of texts it may take a list of strings, or a tensor of their code points.

    Raises:
        InputError: it takes neither, or gives outputs that do not fit the dataset.
    """
    call, probed = _probe_forms(function, dataset)
    spec = ModelSpec(
        name=name or _name(function),
        task=dataset.task,
        input_shape=dataset.input_shape,
        outputs=max(1, len(dataset.classes)),
        offers=probed.offers,
        fingerprint=fingerprint(_name(function), _source(function), probed.outputs),
        stochastic=probed.is_stochastic,
        notes=(
            *probed.notes,
            "The model is a function: its hash covers its source and its outputs on "
            f"{len(probed.outputs)} test rows, not what else it reads.",
        ),
    )
    return FunctionModel(spec, call, probed)


def _probe_forms(
    function: Callable[[Any], Any], dataset: Dataset
) -> tuple[Callable[[Tensor], Any], Probed]:
    """Find the form of inputs that a function takes; give how it is called with it."""
    forms = {"a tensor": _call_with_tensor, "an array": _call_with_array}
    if dataset.kind == "text":
        forms = {"strings": _call_with_strings, "a tensor": _call_with_tensor}
    errors: dict[str, InputError] = {}
    for name, form in forms.items():
        call = partial(form, function, dataset)
        try:
            return call, probe(call, dataset)
        except InputError as error:
            errors[name] = error
    (first, with_first), (second, with_second) = errors.items()
    if str(with_second) == str(with_first):
        raise with_second
    raise InputError(f"with {second}, {with_second}; with {first}, {with_first}")


def _call_with_strings(function: Callable[[Any], Any], dataset: Dataset, x: Tensor) -> Any:
    return tensor_of(function(to_texts(x)), dataset)


def _call_with_tensor(function: Callable[[Any], Any], dataset: Dataset, x: Tensor) -> Any:
    return tensor_of(function(x), dataset)


def _call_with_array(function: Callable[[Any], Any], dataset: Dataset, x: Tensor) -> Any:
    return tensor_of(function(x.detach().cpu().numpy()), dataset)


def tensor_of(outputs: Any, dataset: Dataset) -> Any:
    """Make a tensor of what can be one; class names become class numbers."""
    if isinstance(outputs, (Tensor, dict, str)) or outputs is None:
        return outputs
    values = np.asarray(outputs)
    if values.dtype.kind in "UO" and values.ndim == 1:
        return torch.tensor([_number(str(value), dataset) for value in values.tolist()])
    if values.dtype.kind not in "biuf":
        return outputs
    return torch.from_numpy(np.ascontiguousarray(values))


def _number(label: str, dataset: Dataset) -> int:
    if label not in dataset.classes:
        raise InputError(f"the model gives the label {label!r}, which {dataset.name} does not have")
    return dataset.classes.index(label)


def _name(function: Callable[[Any], Any]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _source(function: Callable[[Any], Any]) -> str:
    try:
        return inspect.getsource(function if inspect.isroutine(function) else type(function))
    except (OSError, TypeError):  # built in or typed into a console: no file holds it
        return repr(type(function))
