import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.core.dataset import Dataset, Task
from roadworthy.core.errors import InputError
from roadworthy.core.model import Offer
from roadworthy.frameworks.layout import TORCH, Layout
from roadworthy.frameworks.outputs import NOTES, Reading, convert, recognize

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
        layout: in which order it takes the numbers of an image.
        is_differentiable: autograd reaches the inputs.
        is_stochastic: a second call gave something else.
        outputs: what it gave.
        notes: sentences for the report.
    """

    reading: Reading
    layout: Layout
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


def probe(
    call: Callable[[Tensor], object], dataset: Dataset, layouts: tuple[Layout, ...] = TORCH
) -> Probed:
    """Try a model on a few test rows, as they are and then in other layouts.

    Args:
        call: gives the raw outputs; differentiable if the model is.
        dataset: gives the rows and says what outputs there must be.
        layouts: how images may have to be laid out; the first that fits is kept, except that
            channels last are preferred where they alone make the model more often right.

    Raises:
        InputError: it cannot take the inputs, or its outputs are of no use here.
    """
    x = probe_rows(dataset)
    found, errors = [], []
    for layout in layouts if x.ndim == 4 else layouts[:1] if x.ndim == 2 else TORCH:
        if layout == Layout.FLAT and found:
            break
        try:
            found.append(_probe(call, x, layout, dataset))
        except InputError as error:
            errors.append(error)
    if len(found) == 2:
        return _likelier(found[0], found[1], dataset)
    if found:
        return found[0]
    # what ran and gave the wrong outputs says more than what did not run
    ran = [error for error in errors if error.__cause__ is None]
    raise (ran or errors)[0] from None


def _likelier(first: Probed, second: Probed, dataset: Dataset) -> Probed:
    """Choose between two layouts that the model takes: its outputs tell which it was made for."""
    if torch.allclose(first.outputs.double(), second.outputs.double(), rtol=1e-4, atol=1e-5):
        return first
    if dataset.task == Task.REGRESSION:
        chosen = first
    else:
        y = dataset.test.y[: len(first.outputs)]
        right = [
            int((convert(p.outputs, p.reading, len(dataset.classes)).argmax(1) == y).sum())
            for p in (first, second)
        ]
        chosen = second if right[1] > right[0] else first
    note = (
        "The model takes images with channels first and last and gives other outputs; they are "
        f"given {chosen.layout.value}."
    )
    return replace(chosen, notes=(*chosen.notes, note))


def _probe(
    call: Callable[[Tensor], object], given: Tensor, layout: Layout, dataset: Dataset
) -> Probed:
    x = layout.arrange(given)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        inputs = x.clone().requires_grad_(x.is_floating_point())
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
    if layout == Layout.FLAT:
        notes.append(f"The model takes rows of {x.shape[1]} pixels; images were flattened.")
    if layout == Layout.CHANNELS_LAST:
        notes.append("The model takes images with channels last; they were turned round for it.")
    if is_stochastic:
        notes.append("Two calls on the same inputs give different outputs.")
    return Probed(reading, layout, is_differentiable, is_stochastic, outputs, tuple(notes))


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
