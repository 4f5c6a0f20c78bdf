from dataclasses import dataclass

import numpy as np
import torch

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.progress import Progress
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class WithoutCopies(Strategy):
    """Training without copies: rows whose inputs equal a test row are left out of the training.

    The test then measures what the model knows of inputs that it has not seen. It says nothing of
    near copies.

    Source: Kapoor and Narayanan 2023, doi:10.1016/j.patter.2023.100804, leakage of kind L1.4,
    duplicates.

    Args:
        within: leave out all but the first of equal training rows too.
    """

    within: bool = False

    card = Card(
        "without-copies",
        "Training without copies of test rows",
        aliases=("deduplicate",),
        paper="doi:10.1016/j.patter.2023.100804",
        fixes=("RW-LEAK-001",),
        safety="retrains",
    )
    tasks = frozenset({Task.NOMINAL, Task.ORDINAL, Task.REGRESSION})
    kinds = KINDS

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        rows, test = _as_bytes(plan.rows.x), _as_bytes(plan.data.test.x)
        is_kept = ~np.isin(rows, test)
        if self.within:
            is_first = np.zeros(len(rows), dtype=bool)
            is_first[np.unique(rows, return_index=True)[1]] = True
            is_kept &= is_first
        return plan.keep(self.card.name, torch.from_numpy(is_kept))


def _as_bytes(x: torch.Tensor) -> np.ndarray:
    """Give each input (N, …) as one word (N,) that equals another where all its numbers do."""
    flat = np.ascontiguousarray(x.flatten(1).numpy() + 0.0)  # + 0 makes one zero of two
    return flat.view(np.dtype((np.void, flat.dtype.itemsize * flat.shape[1])))[:, 0]
