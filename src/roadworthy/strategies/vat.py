import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div

from roadworthy.attacks.directions import steepest
from roadworthy.core.card import Card
from roadworthy.core.progress import Progress
from roadworthy.core.threat import Ball
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import Strategy

PROBE = 0.01  # length of the change that finds the direction, as a share of the radius


@dataclass(frozen=True)
class VAT(Strategy):
    """Virtual adversarial training: the answer must not change in the direction it changes most.

    Power iteration finds, around every row with a target or without, the direction in which the
    divergence from the answer grows fastest; the divergence at its end is added to the loss. It
    needs no views of the data, so it suits tables; categories stay.

    Source: Miyato, Maeda, Koyama and Ishii 2018, arXiv:1704.03976, algorithm 1.
    Differs from the paper: the radius grows with the root of the number of inputs; the probe's
    length is relative to the radius, as 1e-6 vanishes in 32-bit numbers; the entropy of answers is
    no part of the loss.

    Args:
        ratio: rows without targets per row with one.
        weight: of the divergence (alpha in the paper).
        eps: radius by the root of the number of inputs; in standard deviations for tables.
        iterations: of the power method.
    """

    ratio: int = 4
    weight: float = 1.0
    eps: float = 0.1
    iterations: int = 1

    card = Card(
        "vat",
        "Virtual adversarial training",
        aliases=("virtual-adversarial-training",),
        paper="arxiv:1704.03976",
        cost="minutes",
        safety="retrains",
    )
    purpose = "semi-supervised"
    reads_logits = True

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        ball = Ball.of(plan.data, "l2", self.eps * math.sqrt(plan.rows.x[0].numel()))

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            x = torch.cat([batch.x, batch.unlabelled])
            logits = network(x)
            near = x + ball.eps * direction(network, x, logits, ball, self.iterations)
            away = divergence(logits.detach(), network(near)).mean()
            return batch.loss(logits[: len(batch.x)]) + self.weight * away

        plan = plan.set(self.card.name, objective=objective, ratio=self.ratio)
        return plan.add(cost=(1.0 + self.ratio) * (self.iterations + 2) - 1)


def direction(network: nn.Module, x: Tensor, logits: Tensor, ball: Ball, iterations: int) -> Tensor:
    """Give the direction (N, …), one unit long, in which answers to x change most.

    Args:
        network: is asked.
        x: (N, …).
        logits: (N, K) of x.
        ball: says what one unit is.
        iterations: of the power method, from a random direction.
    """
    unit, fixed = ball.unit(x), logits.detach()
    found = steepest(torch.randn_like(x), "l2", unit)
    for _ in range(iterations):
        probe = (x + PROBE * ball.eps * found).requires_grad_()
        (slope,) = torch.autograd.grad(divergence(fixed, network(probe)).sum(), probe)
        found = steepest(slope, "l2", unit)
    return found


def divergence(fixed: Tensor, logits: Tensor) -> Tensor:
    """Give the Kullback-Leibler divergence (N,) of logits (N, K) from fixed ones."""
    # in 64 bits, or the difference of two probabilities near 1 would be nothing but rounding
    answer, other = fixed.double().log_softmax(1), logits.double().log_softmax(1)
    return kl_div(other, answer, reduction="none", log_target=True).sum(1).to(logits.dtype)
