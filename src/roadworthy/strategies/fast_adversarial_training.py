from dataclasses import dataclass

import torch
from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.progress import Progress
from roadworthy.strategies.worst_case import WorstCase, rising
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import Strategy

WATCHED = 64  # rows that are looked at


@dataclass(frozen=True)
class FastAdversarialTraining(Strategy):
    """Fast adversarial training: one gradient step from a random start, with a guard.

    It costs two trainings in place of the eight of `adversarial-training`, and comes near to it.
    It can fail all at once: the network learns to bend the loss so that one step finds nothing
    and several do (catastrophic overfitting). A few training rows are watched for that; as soon as
    it happens, every step that follows learns from PGD.

    Source: Wong, Rice and Kolter 2020, arXiv:2001.03994.
    Differs from the paper: the first steps raise the radius from 0; where the paper stops training
    when PGD's accuracy falls, here PGD takes over, for the rest of the training.

    Args:
        eps: radius in L-inf; in standard deviations for tables.
        step: length of the step, as a share of the radius; the result is brought back to the ball.
        warm_up: share of the training during which the radius rises.
        watch: training steps from one look at the guard's rows to the next; 0 never looks.
        gap: accuracy that PGD may take away beyond what FGSM does.
        steps: of PGD, for the guard and after it has struck.
    """

    eps: float = 8 / 255
    step: float = 1.25
    warm_up: float = 0.2
    watch: int = 50
    gap: float = 0.2
    steps: int = 7

    card = Card(
        "fast-adversarial-training",
        "Fast adversarial training",
        aliases=("fast-at", "fbf", "fgsm-rs"),
        paper="arxiv:2001.03994",
        fixes=("RW-ROB-001",),
        cost="minutes",
        safety="retrains",
    )
    reads_logits = True

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        fast = WorstCase.of(plan.data, "linf", self.eps, 1, self.step)
        slow = WorstCase.of(plan.data, "linf", self.eps, self.steps, 0.25)
        steps = plan.steps

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            number = round(batch.progress * steps)
            guard = batch.beside[self.card.name]
            if self.watch and number % self.watch == self.watch - 1:
                guard.look(network)
            radius = rising(self.eps, batch, self.warm_up)
            search = slow if guard.has_struck else fast
            near = search(network, batch.x, lambda outputs: batch.loss(outputs, "none"), radius)
            return batch.loss(network(near))

        def make(_: nn.Module) -> "OverfittingGuard":
            return OverfittingGuard(plan, self.eps, slow, self.gap)

        watched = plan.add(beside={self.card.name: make})
        return watched.set(self.card.name, objective=objective)


class OverfittingGuard(nn.Module):
    """Watches whether several steps find what one step does not.

    Args:
        plan: some of its rows are watched.
        eps: radius in L-inf.
        slow: the search of several steps.
        gap: accuracy by which PGD may do more harm than FGSM.
    """

    def __init__(self, plan: TrainPlan, eps: float, slow: WorstCase, gap: float) -> None:
        super().__init__()
        self.rows = torch.arange(0, len(plan.rows), max(1, len(plan.rows) // WATCHED))[:WATCHED]
        self.register_buffer("x", plan.rows.x[self.rows], persistent=False)
        self.register_buffer("y", plan.rows.y[self.rows], persistent=False)
        self.fgsm = WorstCase.of(plan.data, "linf", eps, 1, 1.0, start=0.0)
        self.slow, self.gap = slow, gap
        self.register_buffer("has_struck", torch.zeros((), dtype=torch.bool))

    def look(self, network: nn.Module) -> None:
        """Compare the accuracies, unless it is known already."""
        if not self.has_struck:
            lost = self._accuracy(network, self.fgsm) - self._accuracy(network, self.slow)
            self.has_struck.fill_(lost > self.gap)

    def _accuracy(self, network: nn.Module, search: WorstCase) -> float:
        watched = Batch(self.x, self.y, self.y, self.rows, 0.0)
        near = search(network, self.x, lambda outputs: watched.loss(outputs, "none"))
        with torch.no_grad():
            return float((network(near).argmax(1) == self.y).double().mean())
