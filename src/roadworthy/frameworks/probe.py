import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.core.model import Offer
from roadworthy.frameworks.outputs import NOTES, Reading, recognize

ROWS = 64

# what the code of a stranger's model may throw at inputs that it does not know
MODEL_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, eq=False)
class Probed:
    """What a few test rows told of a model.

    Args:
        reading: what its outputs stand for.
        is_flat: it takes images as rows of pixels.
        is_differentiable: autograd reaches the inputs.
        is_stochastic: a second call gave something else.
        outputs: what it gave.
        notes: sentences for the report.
    """

    reading: Reading
    is_flat: bool
    is_differentiable: bool
    is_stochastic: bool
    outputs: Tensor
    notes: tuple[str, ...]

    @property
    def offers(self) -> frozenset[Offer]:
        """What the outputs alone allow."""
        if self.reading == Reading.LABELS:
            return frozenset({Offer.LABELS})
        gradients = {Offer.GRADIENTS} if self.is_differentiable else set()
        return frozenset({Offer.LABELS, Offer.SCORES} | gradients)


def probe_rows(dataset: Dataset) -> Tensor:
    """Give the test inputs that a model is tried on."""
    return dataset.test.x[:ROWS].clone()


def probe(call: Callable[[Tensor], object], dataset: Dataset) -> Probed:
    """Try a model on a few test rows, as they are and then flattened.

    Args:
        call: gives the raw outputs; differentiable if the model is.
        dataset: gives the rows and says what outputs there must be.

    Raises:
        InputError: it cannot take the inputs, or its outputs are of no use here.
    """
    x = probe_rows(dataset)
    try:
        return _probe(call, x, False, dataset)
    except InputError as error:
        if x.ndim == 2:
            raise
        first = error
    try:
        return _probe(call, x.flatten(1), True, dataset)
    except InputError as second:
        # what ran and gave the wrong outputs says more than what did not run
        has_run = first.__cause__ is not None and second.__cause__ is None
        raise (second if has_run else first) from None


def _probe(call: Callable[[Tensor], object], x: Tensor, is_flat: bool, dataset: Dataset) -> Probed:
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        inputs = x.clone().requires_grad_()
        outputs = _try(call, inputs)
        is_differentiable = outputs.requires_grad and _reaches(outputs, inputs)
        outputs = outputs.detach()
        if outputs.shape[:1] != x.shape[:1]:
            raise InputError(
                f"the model gives outputs of shape {tuple(outputs.shape)} for {len(x)} rows: the "
                f"first axis must be the rows'"
            )
        reading = recognize(outputs, dataset)
        again = _try(call, x.clone()).detach()
    is_stochastic = not torch.allclose(outputs.double(), again.double(), rtol=1e-4, atol=1e-5)
    notes = [NOTES[reading]] if reading in NOTES else []
    if is_flat:
        notes.append(f"The model takes rows of {x.shape[1]} pixels; images were flattened.")
    if is_stochastic:
        notes.append("Two calls on the same inputs give different outputs.")
    return Probed(reading, is_flat, is_differentiable, is_stochastic, outputs, tuple(notes))


def _try(call: Callable[[Tensor], object], x: Tensor) -> Tensor:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of numbers taken off a gradient's way
            outputs = call(x)
    except MODEL_ERRORS as error:
        text = " ".join(str(error).split())
        raise InputError(
            f"the model cannot take inputs of shape {tuple(x.shape)}, {x.dtype}: "
            f"{type(error).__name__}: {text[:160]}"
        ) from error
    if not isinstance(outputs, Tensor) or outputs.ndim == 0:
        raise InputError(
            f"the model gives {type(outputs).__name__} instead of one array of outputs: wrap it in "
            "a function that gives the logits alone"
        )
    return outputs


def _reaches(outputs: Tensor, inputs: Tensor) -> bool:
    try:
        (gradient,) = torch.autograd.grad(outputs.sum(), inputs, allow_unused=True)
    except RuntimeError:  # a graph without a way back: an operation that has no derivative
        return False
    return gradient is not None
