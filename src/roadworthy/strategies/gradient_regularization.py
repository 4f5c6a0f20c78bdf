from dataclasses import dataclass

import torch
from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.core.threat import Ball
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class GradientRegularization(Strategy):
    """Input gradient regularization: steep losses around the rows cost, by double backpropagation.

    Where the loss is nearly linear, a low slope bounds what a small change can do. It says nothing
    of what lies farther away, so attacks with a larger radius or from elsewhere get through.

    Source: Ross and Doshi-Velez 2017, arXiv:1711.09404.

    Args:
        weight: of the squared L2 length of a row's gradient (lambda in the paper); inputs count in
            standard deviations for tables, whose categories have no gradient.
    """

    weight: float = 0.1

    card = Card(
        "gradient-regularization",
        "Input gradient regularization",
        aliases=("igr", "double-backpropagation"),
        paper="arxiv:1711.09404",
        fixes=("RW-ROB-001",),
        safety="retrains",
    )

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if self.weight <= 0:
            raise InputError(f"the weight of the gradient must be positive, not {self.weight}")
        ball = Ball.of(plan.data, "l2", 0.0)

        def penalty(network: nn.Module, batch: Batch) -> Tensor:
            x = batch.x.detach().requires_grad_()
            loss = batch.loss(network(x), "sum")
            (gradient,) = torch.autograd.grad(loss, x, create_graph=True)
            return self.weight * (gradient * ball.unit(x)).square().flatten(1).sum(1).mean()

        return plan.add(penalties=(penalty,))
