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
class MeanTeacher(Strategy):
    """Mean teacher: the network must answer rows without targets as the average of its past does.

    The average of the weights over the last steps is the teacher; it sees another view of the row.
    The teacher is what is kept in the end.

    Source: Tarvainen and Valpola 2017, arXiv:1703.01780, section 2.
    Differs from the paper: rows with a target are left out of the difference; no dropout; in the
    first steps the average forgets faster, by a rule of its own.

    Args:
        ratio: rows without targets per row with one.
        weight: of the squared difference between both answers in the end.
        warm_up: share of the training during which that weight rises.
        average: decay of the teacher's weights per step.
    """

    ratio: int = 3
    weight: float = 100.0
    warm_up: float = 0.27
    average: float = 0.999

    card = Card(
        "mean-teacher",
        "Mean teacher",
        paper="arxiv:1703.01780",
        cost="minutes",
        safety="retrains",
    )
    purpose = "semi-supervised"
    reads_logits = True

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        view = weak_view(plan.data)

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            with torch.no_grad():
                teacher = batch.average(view(batch.unlabelled)).softmax(1)
            student = network(view(batch.unlabelled)).softmax(1)
            weight = self.weight * gaussian_rise(batch.progress, self.warm_up)
            return batch.loss(network(batch.x)) + weight * squared_gap(student, teacher)

        plan = plan.set(self.card.name, objective=objective, ratio=self.ratio, average=self.average)
        return plan.add(augment=(view,), cost=2.0 * self.ratio)
