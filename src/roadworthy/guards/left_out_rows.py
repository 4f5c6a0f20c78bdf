"""What a model answers on training rows that it did not see: for guards that need honest scores."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError
from roadworthy.core.model import Model, Offer
from roadworthy.core.progress import Progress

BATCH = 512


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Outputs on rows, each by a model that was trained without it.

    Args:
        logits: (N, K).
        y: (N,) the rows' classes.
        order: (N,) their places among the rows that were given.
        is_new: False where the model cannot be trained again: then it has seen these rows.
    """

    logits: Tensor
    y: Tensor
    order: Tensor
    is_new: bool


def left_out(
    model: Model, data: Dataset, rows: Split, folds: int, seed: int, progress: Progress
) -> LeftOut:
    """Train a model again without each part of the rows in turn, and ask it about that part.

    Raises:
        InputError: there are too few rows or too few of a class, or the model gives labels only.
    """
    if not 2 <= folds <= len(rows):
        raise InputError(f"there can be 2 to {len(rows)} folds here, not {folds}")
    if Offer.SCORES not in model.spec.offers:
        raise InputError(f"{model.spec.name} gives labels only: there are no logits")
    if Offer.REFIT not in model.spec.offers:
        return LeftOut(_outputs(model, rows), rows.y, torch.arange(len(rows)), is_new=False)
    fold, parts = _folds(data, rows, folds, seed), []
    for k in range(folds):
        again = model.refit(rows.take(fold != k), seed)
        parts.append(_outputs(again, rows.take(fold == k)))
        progress.advance((k + 1) / folds)
    if len({part.shape[1] for part in parts}) > 1:
        raise InputError("a class has too few rows to leave some out: take fewer folds")
    order = torch.cat([(fold == k).nonzero()[:, 0] for k in range(folds)])
    return LeftOut(torch.cat(parts), rows.y[order], order, is_new=True)


def _folds(data: Dataset, rows: Split, folds: int, seed: int) -> Tensor:
    """Deal rows into folds (N,) at random; those of a group stay together."""
    group, unit = data.roles.group, np.arange(len(rows))
    if group in rows.columns:
        unit = np.unique(rows.columns[group], return_inverse=True)[1]
    return torch.from_numpy(np.random.default_rng(seed).permutation(unit.max() + 1)[unit] % folds)


def _outputs(model: Model, rows: Split) -> Tensor:
    with torch.no_grad():
        return torch.cat([model(x) for x in rows.x.split(BATCH)])
