from dataclasses import dataclass

import torch
from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress, piece
from roadworthy.core.threat import Ball
from roadworthy.strategies.worst_case import WorstCase
from roadworthy.training.loop import fit_plan
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class EAT(Strategy):
    """Ensemble adversarial training: learn from one-step attacks on other networks as well.

    The other networks are trained beforehand and stay as they are. A network that is only trained
    on attacks on itself can hide its slopes; one that is trained on attacks on others cannot. It
    holds against attacks that transfer; a white-box attack of several steps breaks it.

    Source: Tramèr et al. 2017, arXiv:1705.07204.
    Differs from the paper: the other networks have the architecture of the trained one, and other
    seeds.

    Args:
        eps: radius in L-inf; in standard deviations for tables.
        start: share of the radius that goes into a random step before the gradient's (R+FGSM); 0
            takes the gradient's alone (FGSM).
        others: networks that are trained beforehand.
    """

    eps: float = 16 / 255
    start: float = 0.5
    others: int = 3

    card = Card(
        "eat",
        "Ensemble adversarial training",
        aliases=("ensemble-adversarial-training",),
        paper="arxiv:1705.07204",
        fixes=("RW-ROB-001",),
        cost="minutes",
        safety="retrains",
    )

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if self.others < 1 or not 0 <= self.start < 1:
            raise InputError(
                "eat takes at least one other network and a start from 0 to below 1, not "
                f"{self.others} and {self.start}"
            )
        plan.set(self.card.name, objective=plan.objective)  # is refused before the long work
        attack = OneStep(plan, self.eps, self.start)
        others = [self._trained(plan, k, progress) for k in range(self.others)]
        steps = plan.steps

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            sources = [*others, network]
            source = sources[round(batch.progress * steps) % len(sources)].to(batch.x.device)
            near = attack(source, batch)
            return (batch.loss(network(batch.x)) + batch.loss(network(near))) / 2

        return plan.set(self.card.name, objective=objective)

    def _trained(self, plan: TrainPlan, k: int, progress: Progress) -> nn.Module:
        with piece(progress, f"Training network {k + 1} of {self.others} to attack", 0.0):
            other = fit_plan(plan.within(f"other-{k}", plan.seed + 1 + k), progress)
        return other.requires_grad_(False)


class OneStep:
    """R+FGSM: a random step to a corner of a small cube, then a step along the gradient's signs.

    Args:
        plan: says what inputs are valid.
        eps: radius in L-inf, which both steps together keep.
        start: share of it that the random step takes.
    """

    def __init__(self, plan: TrainPlan, eps: float, start: float) -> None:
        self.ball = Ball.of(plan.data, "linf", eps)
        self.start = start
        self.low, self.high = plan.data.bounds
        self.fgsm = WorstCase.of(plan.data, "linf", (1 - start) * eps, 1, 1.0, start=0.0)

    def __call__(self, source: nn.Module, batch: Batch) -> Tensor:
        """Give inputs (N, …) near those of a batch that raise the source's loss."""
        x = batch.x
        if self.start:
            corner = torch.randn_like(x).sign() * self.ball.unit(x)
            moved = x + self.start * self.ball.eps * corner
            low, high = self.low.to(x), self.high.to(x)
            x = moved.clamp(torch.minimum(low, x), torch.maximum(high, x))
        return self.fgsm(source, x, lambda outputs: batch.loss(outputs, "none"))
