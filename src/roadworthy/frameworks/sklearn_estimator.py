from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import torch
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC, NuSVC
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from roadworthy.core.dataset import Dataset, Split, Task
from roadworthy.core.errors import InputError
from roadworthy.core.fingerprint import fingerprint
from roadworthy.core.model import Model, ModelSpec, Offer, require
from roadworthy.core.tree_ensemble import TreeEnsemble
from roadworthy.frameworks.expression import Expression
from roadworthy.frameworks.frame import Table, tables
from roadworthy.frameworks.outputs import FLOOR, NOTES, Reading, like_inputs
from roadworthy.frameworks.probe import MODEL_ERRORS, probe_rows
from roadworthy.frameworks.sklearn_gradients import express, express_variance
from roadworthy.frameworks.sklearn_numbers import learned_numbers
from roadworthy.frameworks.sklearn_trees import read_trees
from roadworthy.frameworks.trees import gives, placed

LOG_FLOOR = float(np.log(FLOOR))
TOLERANCE = 1e-6  # an expression in torch that is further from the estimator is not used


class SklearnModel(Model):
    """A fitted scikit-learn estimator; gradients where it can be written again in torch.

    Args:
        spec: what is known of it.
        estimator: the fitted estimator.
        reader: how to feed it and to read its outputs.
        expression: the same outputs in torch.
        dataset: says what the columns and classes are, for training it again.
        ensemble: its decision trees, where it has some.
        variance: of its latent functions, in torch.
    """

    def __init__(
        self,
        spec: ModelSpec,
        estimator: Any,
        reader: "Reader",
        expression: Expression | None,
        dataset: Dataset,
        ensemble: TreeEnsemble | None,
        variance: Expression | None,
    ) -> None:
        super().__init__(spec)
        self._variance = variance
        self._ensemble = ensemble
        self.estimator = estimator
        self._reader = reader
        self._expression = expression
        self._dataset = dataset

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(1).to("cpu", torch.float64)
        if self._expression is not None:
            outputs = self._expression(rows)
        else:
            outputs = self._reader.read(self.estimator, rows.detach())
        return like_inputs(self._reader.place(outputs), x)

    def trees(self) -> TreeEnsemble:
        require(self, Offer.TREES)
        assert self._ensemble is not None
        return self._ensemble

    def uncertainty(self, x: Tensor) -> Tensor:
        require(self, Offer.UNCERTAINTY)
        assert self._variance is not None
        self.passes.forward += len(x)
        values = self._variance(x.flatten(1).to("cpu", torch.float64))
        placed = self._reader.place(values).to(x)
        if placed.requires_grad:
            placed.register_hook(self._count_backward)
        return placed

    def given(self, rows: Split) -> tuple[Any, np.ndarray]:
        """Give inputs and targets as the estimator takes them."""
        table = self._reader.table(rows.x.flatten(1).double().numpy())
        return table, self._reader.targets(self.estimator, rows.y)

    def refit(self, rows: Split, seed: int) -> Model:
        fresh = clone(self.estimator)
        seeds = [name for name in fresh.get_params() if name.endswith("random_state")]
        fresh.set_params(**dict.fromkeys(seeds, seed % 2**32))
        fresh.fit(*self.given(rows))
        return wrap_estimator(fresh, self._dataset, self.spec.name)


@dataclass(frozen=True, eq=False)
class Reader:
    """How to feed an estimator and to read its outputs.

    Args:
        table: makes what the estimator takes of rows (N, D).
        method: `predict_proba`, `decision_function` or `predict`.
        numbers: the class number of each of the estimator's classes; empty for regression.
        classes: how many classes the dataset has.
    """

    table: Table
    method: str
    numbers: tuple[int, ...]
    classes: int

    def read(self, estimator: Any, rows: Tensor) -> Tensor:
        """Give outputs for (N, D) float64 rows, in the estimator's own order of classes."""
        values = np.asarray(getattr(estimator, self.method)(self.table(rows.numpy())))
        if self.method == "predict":
            if not self.numbers:
                return torch.from_numpy(values.astype(np.float64).reshape(len(values)))
            return torch.from_numpy(np.float64(values[:, None] == estimator.classes_))
        if self.method == "predict_proba":
            return torch.from_numpy(np.log(np.maximum(values, FLOOR)))
        if values.ndim == 1:  # one decision value, that of the second class
            values = np.stack([np.zeros_like(values), values], 1)
        return torch.from_numpy(values.astype(np.float64))

    def place(self, outputs: Tensor) -> Tensor:
        """Put outputs into the dataset's order of classes; one never seen gets the lowest score."""
        if self.numbers == tuple(range(self.classes)) or not self.numbers:
            return outputs
        lowest = outputs.detach().amin(1, keepdim=True).clamp_max(LOG_FLOOR) - 1
        placed = lowest.expand(-1, self.classes).clone()
        return placed.index_copy(1, torch.tensor(self.numbers), outputs)

    def targets(self, estimator: Any, y: Tensor) -> np.ndarray:
        """Name targets (N,) as the estimator names them."""
        if not self.numbers:
            return y.double().numpy()
        names: np.ndarray = np.arange(self.classes)
        if len(self.numbers) == self.classes:
            names = estimator.classes_[np.argsort(self.numbers)]
        return names[y.numpy()]


def wrap_estimator(
    estimator: BaseEstimator, dataset: Dataset, name: str | None = None
) -> SklearnModel:
    """Make a model of a fitted estimator.

    Raises:
        InputError: it is not fitted, or does not fit the dataset's columns, classes or task.
    """
    _check(estimator, dataset)
    numbers = _class_numbers(estimator, dataset)
    rows = probe_rows(dataset).flatten(1).double()
    method = _method(estimator)
    reader, outputs = _read_rows(estimator, dataset, method, numbers, rows)
    expression = express(estimator) if method != "predict" or not numbers else None
    notes = [NOTES[Reading.LABELS]] if numbers and method == "predict" else []
    if len(numbers) < len(dataset.classes):
        unseen = [c for k, c in enumerate(dataset.classes) if k not in numbers]
        notes.append(f"The model was never shown the classes {', '.join(unseen)}.")
    if expression is not None and not _is_same(
        expression(rows), outputs, method == "predict_proba"
    ):
        expression = None
        notes.append(
            "Gradients are not offered: written in torch, the estimator gave other values."
        )
    has_columns = dataset.kind != "text"
    ensemble = read_trees(estimator, rows) if numbers and has_columns else None
    if ensemble is not None and not gives(ensemble, rows, outputs):
        ensemble = None
        notes.append("Its trees are not offered: added up, they gave other values.")
    offers = {Offer.LABELS, Offer.SCORES, Offer.REFIT}
    if numbers and method == "predict":
        offers.remove(Offer.SCORES)
    if expression is not None:
        offers.add(Offer.GRADIENTS)
    variance = express_variance(estimator) if expression is not None and numbers else None
    if variance is not None and len(numbers) == len(dataset.classes):
        offers.add(Offer.UNCERTAINTY)
    if ensemble is not None:
        offers.add(Offer.TREES)
        ensemble = placed(ensemble, numbers, len(dataset.classes))
    spec = ModelSpec(
        name=name or type(_last(estimator)).__name__,
        task=dataset.task,
        input_shape=dataset.input_shape,
        outputs=max(1, len(dataset.classes)),
        offers=frozenset(offers),
        fingerprint=fingerprint(repr(estimator), joblib.hash(estimator)),
        notes=tuple(notes),
        parameters=learned_numbers(estimator),
    )
    return SklearnModel(spec, estimator, reader, expression, dataset, ensemble, variance)


def _last(estimator: Any) -> Any:
    return _last(estimator.steps[-1][1]) if isinstance(estimator, Pipeline) else estimator


def _check(estimator: Any, dataset: Dataset) -> None:
    name = type(_last(estimator)).__name__
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        raise InputError(f"{name} is not fitted: call its fit first") from None
    is_regression = dataset.task == Task.REGRESSION
    if not (is_regressor if is_regression else is_classifier)(estimator):
        kind = "regressor" if is_regression else "classifier"
        raise InputError(f"{name} is no {kind}, but {dataset.name} is a {dataset.task} task")
    wanted, given = getattr(estimator, "n_features_in_", None), dataset.test.x[0].numel()
    if dataset.kind == "text" and wanted is not None:
        raise InputError(
            f"{name} was fitted on {wanted} columns, but the inputs of {dataset.name} are texts: "
            "put what makes numbers of texts, such as TfidfVectorizer, before it in a pipeline"
        )
    if wanted is not None and wanted != given:
        raise InputError(
            f"{name} was fitted on {wanted} columns, but {dataset.name} has {given}: fit it on the "
            "columns that the dataset keeps (target and roles are left out)"
        )


def _class_numbers(estimator: Any, dataset: Dataset) -> tuple[int, ...]:
    """Find the class number of each of the estimator's classes, by number or else by name."""
    if dataset.task == Task.REGRESSION:
        return ()
    labels = estimator.classes_.tolist()
    count = len(dataset.classes)
    is_number = all(isinstance(label, (bool, int, float)) for label in labels)
    if is_number and labels == list(range(count)):
        return tuple(range(count))
    names = [str(int(label)) if isinstance(label, float) else str(label) for label in labels]
    if set(names) <= set(dataset.classes):
        return tuple(dataset.classes.index(name) for name in names)
    if is_number and set(labels) <= set(range(count)):
        return tuple(int(label) for label in labels)
    raise InputError(
        f"the estimator knows {len(labels)} classes ({names[0]} … {names[-1]}), but {dataset.name} "
        f"has {count} ({dataset.classes[0]} … {dataset.classes[-1]}): fit it on these names, or on "
        f"the numbers 0 to {count - 1}"
    )


def _method(estimator: Any) -> str:
    # the probabilities that SVC may offer come from another fit and contradict its labels
    known = ("predict_proba", "decision_function")
    is_vector = isinstance(_last(estimator), (SVC, NuSVC))
    for method in known[1:] if is_vector else known:
        if hasattr(estimator, method):  # scikit-learn's own way to say what an estimator can do
            return method
    return "predict"


def _read_rows(
    estimator: Any, dataset: Dataset, method: str, numbers: tuple[int, ...], rows: Tensor
) -> tuple[Reader, Tensor]:
    """Find the kind of table that the estimator takes; give its outputs as well."""
    causes = []
    for table in tables(estimator, dataset):
        reader = Reader(table, method, numbers, len(dataset.classes))
        try:
            outputs = reader.read(estimator, rows)
        except MODEL_ERRORS as error:
            causes.append(f"{type(error).__name__}: {' '.join(str(error).split())[:160]}")
            continue
        if not bool(outputs.isfinite().all()):
            raise InputError("the model gives NaN or infinite outputs on test rows")
        if numbers and outputs.shape[1] != len(numbers):
            raise InputError(
                f"{type(_last(estimator)).__name__} gives {outputs.shape[1]} scores for "
                f"{len(numbers)} classes: give it decision_function_shape='ovr'"
            )
        return reader, outputs
    given = "texts" if dataset.kind == "text" else f"rows of {rows.shape[1]} columns"
    raise InputError(f"the estimator cannot take {given}: {causes[0]}")


def _is_same(expressed: Tensor, outputs: Tensor, is_logarithm: bool) -> bool:
    if expressed.shape != outputs.shape:
        return False
    if is_logarithm:  # scikit-learn may get a probability as 1 - p, which rounds small ones
        expressed, outputs = expressed.clamp_min(LOG_FLOOR / 2), outputs.clamp_min(LOG_FLOOR / 2)
    return bool(((expressed - outputs).abs() <= TOLERANCE * (1 + outputs.abs())).all())
