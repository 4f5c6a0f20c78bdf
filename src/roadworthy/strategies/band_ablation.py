from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import Strategy
from roadworthy.verification.bands import keep_band


@dataclass(frozen=True)
class BandAblation(Strategy):
    """Band ablation: learns images of which only a random band of columns is left.

    It makes the model that the guard `patch-smoothing` asks; without that guard it answers worse,
    for it never saw a whole image. The guard must have the same band.

    Source: Levine and Feizi 2020, arXiv:2002.10733, section 3.
    Differs from the paper: pixels that are left out are a middle grey instead of extra channels.

    Args:
        band: columns that are left.
    """

    band: int = 4

    card = Card(
        "band-ablation",
        "Training on bands of images",
        aliases=("column-ablation",),
        paper="arxiv:2002.10733",
        safety="retrains",
    )
    kinds = frozenset({"image"})

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        columns = plan.rows.x.shape[3]
        if not 1 <= self.band <= columns:
            raise InputError(f"a band has 1 to {columns} columns of the images, not {self.band}")

        def ablated(x: Tensor) -> Tensor:
            return keep_band(x, torch.randint(columns, (len(x),), device=x.device), self.band)

        return plan.add(augment=(ablated,))
