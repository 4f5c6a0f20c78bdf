from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.dataset import Split
from roadworthy.core.progress import Progress

TELLING = 1e-4  # relative difference that is no rounding


@dataclass(frozen=True, eq=False)
class FittedStepsValue:
    """What the steps of a pipeline were fitted on, by the numbers they learned.

    Args:
        names: of the steps before the estimator that learned numbers which tell rows apart.
        from_train: (S,) how far these are from those of the training rows, where 1 is how far
            those of training and test rows together are from them.
        from_all: (S,) how far they are from those of training and test rows together.
    """

    names: tuple[str, ...]
    from_train: Tensor
    from_all: Tensor


@dataclass(frozen=True)
class FittedSteps(Artifact[FittedStepsValue]):
    """Each step of a scikit-learn pipeline against itself, fitted on train and on all rows.

    What a step learned (means, ranges, scores of features, axes, …) is compared with what a fresh
    one learns on the training rows, and on training and test rows together. A model that is no
    pipeline has no steps.
    """

    card = Card("fitted-steps", "What each step was fitted on")
    value = FittedStepsValue

    def cost(self, subject: Subject) -> float:
        return 5 * sum(len(split) for split in subject.dataset.splits)

    def compute(self, subject: Subject, get: Get, progress: Progress) -> FittedStepsValue:
        from roadworthy.frameworks.sklearn_estimator import SklearnModel  # slow to import

        model = subject.model
        steps = _steps(model.estimator) if isinstance(model, SklearnModel) else []
        found: list[tuple[str, float, float]] = []
        if steps:
            assert isinstance(model, SklearnModel)
            train = model.given(subject.dataset.train)
            everything = model.given(
                Split.together("all", subject.dataset.train, subject.dataset.test)
            )
            found = _compared(steps, train, everything)
        names, from_train, from_all = zip(*found, strict=True) if found else ((), (), ())
        return FittedStepsValue(names, torch.tensor(from_train), torch.tensor(from_all))


def _steps(estimator: Any) -> list[tuple[str, Any]]:
    """List the steps of a pipeline before its estimator."""
    from sklearn.pipeline import Pipeline

    if not isinstance(estimator, Pipeline):
        return []
    return [
        (name, step) for name, step in estimator.steps[:-1] if step not in (None, "passthrough")
    ]


def _compared(
    steps: list[tuple[str, Any]], train: tuple[Any, np.ndarray], everything: tuple[Any, np.ndarray]
) -> list[tuple[str, float, float]]:
    """Give each telling step's name and its distances to a fit on train and on all rows."""
    from sklearn.base import clone

    found = []
    (x, y), (all_x, all_y) = train, everything
    for name, step in steps:
        ours, theirs = clone(step).fit(x, y), clone(step).fit(all_x, all_y)
        distances = _distances(*(learned_numbers(one) for one in (step, ours, theirs)))
        if distances:
            found.append((f"{name} ({type(step).__name__})", *distances))
        x, all_x = step.transform(x), step.transform(all_x)
    return found


def _distances(
    given: np.ndarray, train: np.ndarray, everything: np.ndarray
) -> tuple[float, float] | None:
    """Give the median distance of what was given to both, in units of their own distance.

    None where there is nothing to compare, or both are the same.
    """
    if not given.shape == train.shape == everything.shape:
        return None
    apart = np.abs(train - everything)
    telling = apart > TELLING * np.maximum(np.abs(train), np.abs(everything))
    if not telling.any():
        return None
    both = (np.abs(given - other)[telling] / apart[telling] for other in (train, everything))
    from_train, from_all = (float(np.median(distance)) for distance in both)
    return from_train, from_all


def learned_numbers(step: Any) -> np.ndarray:
    """Collect every number that a fitted step, or a step within it, has learned: (P,)."""
    parts: list[np.ndarray] = []
    for name, value in sorted(vars(step).items()):
        if not name.endswith("_") or name.startswith("_"):
            continue
        if isinstance(value, np.ndarray | float) and np.asarray(value).dtype.kind == "f":
            numbers = np.asarray(value, dtype=float).ravel()
            parts.append(numbers[np.isfinite(numbers)])
        for inner in _inner_steps(value):
            parts.append(learned_numbers(inner))
    for _, inner in getattr(step, "steps", ()):  # a pipeline within the pipeline
        if hasattr(inner, "get_params"):
            parts.append(learned_numbers(inner))
    return np.concatenate(parts) if parts else np.empty(0)


def _inner_steps(value: Any) -> list[Any]:
    """Find fitted steps in an attribute, as in a column transformer's list of named ones."""
    if hasattr(value, "get_params") and not isinstance(value, type):
        return [value]
    entries = value if isinstance(value, list | tuple) else []
    parts = [
        part for entry in entries for part in (entry if isinstance(entry, tuple) else (entry,))
    ]
    return [part for part in parts if hasattr(part, "get_params") and not isinstance(part, type)]
