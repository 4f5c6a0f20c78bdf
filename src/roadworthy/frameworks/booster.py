from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from roadworthy.core.dataset import Dataset, Task
from roadworthy.core.errors import InputError
from roadworthy.core.model import Model, ModelSpec, Offer, require
from roadworthy.core.tree_ensemble import TreeEnsemble
from roadworthy.frameworks.boosted_trees import margins
from roadworthy.frameworks.outputs import like_inputs
from roadworthy.frameworks.probe import probe_rows
from roadworthy.frameworks.trees import gives

Predict = Callable[[np.ndarray], np.ndarray]


class BoosterModel(Model):
    """Boosted trees of a library of their own: raw scores are its logits; no gradients.

    Args:
        spec: what is known of it.
        predict: gives raw scores of rows (N, D).
        ensemble: its decision trees, where they could be read.
    """

    def __init__(self, spec: ModelSpec, predict: Predict, ensemble: TreeEnsemble | None) -> None:
        super().__init__(spec)
        self._predict = predict
        self._ensemble = ensemble

    def forward(self, x: Tensor) -> Tensor:
        values = self._predict(x.detach().flatten(1).to("cpu", torch.float64).numpy())
        if self.spec.task != Task.REGRESSION:
            values = margins(values)
        return like_inputs(torch.from_numpy(np.asarray(values, dtype=np.float64)), x)

    def trees(self) -> TreeEnsemble:
        require(self, Offer.TREES)
        assert self._ensemble is not None
        return self._ensemble


def wrap_booster(
    predict: Predict,
    read: Callable[[Tensor], TreeEnsemble | None],
    dataset: Dataset,
    name: str,
    mark: str,
    columns: int,
) -> BoosterModel:
    """Make a model of a library's booster.

    Args:
        predict: gives raw scores of rows (N, D).
        read: gives the trees, found with the help of some rows (N, D).
        dataset: says what inputs and outputs there must be.
        name: what the report calls it.
        mark: its fingerprint.
        columns: how many features it was fitted on.

    Raises:
        InputError: it does not fit the dataset.
    """
    rows = probe_rows(dataset).flatten(1).double()
    if columns != rows.shape[1]:
        raise InputError(
            f"{name} was fitted on {columns} columns, but {dataset.name} has {rows.shape[1]}"
        )
    values, classes = predict(rows.numpy()), len(dataset.classes)
    found = 0 if dataset.task == Task.REGRESSION else margins(values).shape[1]
    if found != classes or (not classes and values.ndim != 1):
        raise InputError(f"{name} has {found} classes, but {dataset.name} has {classes}")
    offers, notes, ensemble = {Offer.LABELS, Offer.SCORES}, (), read(rows) if classes else None
    if ensemble is not None and gives(
        ensemble, rows, torch.from_numpy(margins(values)).log_softmax(1)
    ):
        offers.add(Offer.TREES)
    elif classes:
        ensemble, notes = None, ("Its trees are not offered: they are not sums of thresholds.",)
    spec = ModelSpec(
        name=name,
        task=dataset.task,
        input_shape=dataset.input_shape,
        outputs=max(1, classes),
        offers=frozenset(offers),
        fingerprint=mark,
        notes=notes,
    )
    return BoosterModel(spec, predict, ensemble)
