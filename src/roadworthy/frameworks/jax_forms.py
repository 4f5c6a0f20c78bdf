"""The ways in which a JAX model is held, each turned into a function of two arguments."""

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import torch

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.frameworks.instances import is_instance
from roadworthy.frameworks.layout import FOREIGN
from roadworthy.frameworks.probe import MODEL_ERRORS, probe_rows

# arguments by which a module is told that it is not being trained
MODES = {
    "train": False,
    "training": False,
    "is_training": False,
    "deterministic": True,
    "use_running_average": True,
    "inference": True,
}


@dataclass(frozen=True, eq=False)
class Form:
    """A way to call a model.

    Args:
        name: of the module or function.
        subject: what holds its source.
        call: takes the parameters and inputs (N, …).
        parameters: any tree of arrays and other things.
        notes: sentences for the report.
    """

    name: str
    subject: Any
    call: Callable[[Any, Any], Any]
    parameters: Any
    notes: tuple[str, ...] = ()


def forms(model: Any) -> Iterator[Form]:
    """Give the ways in which a model might have to be called, the likeliest first."""
    if is_instance(model, "flax.nnx", "Module"):
        yield _nnx(model)
    elif is_instance(model, "equinox", "Module"):
        yield from _equinox(model)
    elif isinstance(model, tuple):
        yield from _tuple(*model)
    elif isinstance(model, functools.partial):
        function, named = model.func, {**_modes(model.func), **model.keywords}
        yield Form(
            _name(function),
            function,
            lambda p, x: _guard(function, *p[0], x, **p[1]),
            (model.args, named),
        )
    else:
        modes = _modes(model)
        yield Form(_name(model), model, lambda _, x: _guard(model, x, **modes), ())


def _tuple(first: Any, *parameters: Any) -> Iterator[Form]:
    if is_instance(first, "flax.linen", "Module"):
        yield _linen(first, *parameters)
    elif _is_haiku(first):
        yield from _haiku(first, *parameters)
    else:
        modes = _modes(first)
        yield Form(_name(first), first, lambda p, x: _guard(first, *p, x, **modes), parameters)


def is_module(model: Any) -> bool:
    """Say whether something can only be meant as a JAX model; imports nothing more."""
    if isinstance(model, tuple) and len(model) > 1:
        first = model[0]
        return callable(first) or is_instance(first, "flax.linen", "Module") or _is_haiku(first)
    return is_instance(model, "flax.nnx", "Module") or is_instance(model, "equinox", "Module")


def gives_jax_arrays(function: Callable[[Any], Any], dataset: Dataset) -> bool:
    """Say whether a function is written in JAX: of numpy's or JAX's arrays it makes JAX's."""
    if isinstance(function, jax.stages.Wrapped):
        return True
    rows = probe_rows(dataset)[:2]
    layouts = FOREIGN if rows.ndim == 4 else FOREIGN[:1]
    for convert in (np.asarray, jax.numpy.asarray):
        for layout in layouts:
            with torch.random.fork_rng(devices=[]):
                try:
                    outputs = function(convert(layout.arrange(rows).numpy()))
                except MODEL_ERRORS:  # said when the function is tried as what it is
                    continue
            return isinstance(outputs, jax.Array)
    return False


def _is_haiku(model: Any) -> bool:
    return is_instance(model, "haiku", "Transformed", "TransformedWithState")


def _nnx(model: Any) -> Form:
    from flax import nnx

    graph, state = nnx.split(model)
    copy = nnx.merge(graph, jax.tree.map(lambda leaf: leaf, state))
    copy.eval()
    graph, state = nnx.split(copy)
    modes = _modes(type(model).__call__)
    return Form(
        type(model).__name__,
        model,
        lambda p, x: _guard(nnx.merge(graph, p), x, **modes),
        state,
    )


def _equinox(model: Any) -> Iterator[Form]:
    import equinox

    quiet = equinox.nn.inference_mode(model)
    modes = _modes(type(model).__call__)
    name = type(model).__name__
    note = "The model takes one input at a time; it was mapped over the rows."
    yield Form(
        name, model, lambda p, x: jax.vmap(lambda row: _guard(p, row, **modes))(x), quiet, (note,)
    )
    yield Form(name, model, lambda p, x: _guard(p, x, **modes), quiet)


def _linen(module: Any, variables: Any) -> Form:
    if "params" not in variables:
        variables = {"params": variables}
    modes = _modes(type(module).__call__)
    return Form(
        type(module).__name__,
        module,
        lambda p, x: _guard(module.apply, p, x, **modes),
        variables,
    )


def _haiku(transformed: Any, *parameters: Any) -> Iterator[Form]:
    """Haiku hides the function that it transformed: its arguments are found by trying."""
    has_state = is_instance(transformed, "haiku", "TransformedWithState")
    if has_state and len(parameters) != 2:
        raise InputError("give a Haiku function with state as (transformed, params, state)")

    def form(before: tuple[None, ...], modes: dict[str, bool]) -> Form:
        def call(p: Any, x: Any) -> Any:
            outputs = _guard(transformed.apply, *p, *before, x, **modes)
            return outputs[0] if has_state else outputs

        return Form("Haiku model", transformed.apply, call, parameters)

    for modes in ({}, {"is_training": False}, {"train": False}):
        yield form((None,), modes)
        yield form((), modes)  # of hk.without_apply_rng


def _modes(function: Callable[..., Any]) -> dict[str, bool]:
    """Find the arguments that put a function into evaluation mode."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # built in: nothing can be known
        return {}
    return {part.name: MODES[part.name] for part in parameters if part.name in MODES}


def _guard(function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Call a function; errors that are of Flax's own kind become usual ones."""
    known = getattr(sys.modules.get("flax.errors"), "FlaxError", ())
    try:
        return function(*given, **named)
    except known as error:
        raise RuntimeError(str(error)) from error


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
