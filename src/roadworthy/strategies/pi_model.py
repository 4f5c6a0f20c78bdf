from dataclasses import dataclass

import torch
from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.progress import Progress
from roadworthy.strategies.consistency import gaussian_rise, squared_gap
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import Strategy
from roadworthy.training.views import weak_view


@dataclass(frozen=True)
class PiModel(Strategy):
    """Pi-model: two views of a row without a target must get the same answer.

    The squared difference of both answers is added to the loss. It can do no more than the views
    allow: answers that do not change under small shifts or noise.

    Source: Laine and Aila 2017, arXiv:1610.02242, algorithm 1.
    Differs from the paper: rows with a target are left out of the difference; no dropout; the
    weight counts against the mean loss of the rows with a target, as the paper's does once both are
    divided by the share of such rows.

    Args:
        ratio: rows without targets per row with one.
        weight: of the difference in the end.
        warm_up: share of the training during which that weight rises; in the paper 80 of 300
            epochs.
    """

    ratio: int = 3
    weight: float = 100.0
    warm_up: float = 0.27

    card = Card(
        "pi-model",
        "Pi-model",
        aliases=("consistency",),
        paper="arxiv:1610.02242",
        cost="minutes",
        safety="retrains",
    )
    purpose = "semi-supervised"
    reads_logits = True

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        view = weak_view(plan.data)

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            both = torch.cat([view(batch.unlabelled), view(batch.unlabelled)])
            first, second = network(both).softmax(1).chunk(2)
            weight = self.weight * gaussian_rise(batch.progress, self.warm_up)
            return batch.loss(network(batch.x)) + weight * squared_gap(first, second)

        plan = plan.set(self.card.name, objective=objective, ratio=self.ratio)
        return plan.add(augment=(view,), cost=2.0 * self.ratio)
