"""What FixMatch and its heirs share: the guess on a weak view is learned on a strong one."""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from roadworthy.core.progress import Progress
from roadworthy.strategies.consistency import straight_rise
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import Strategy
from roadworthy.training.views import strong_view, weak_view


@dataclass(frozen=True)
class GuessedLabels(Strategy):
    """Rows without targets are learned as what the network holds their weak views for.

    Args:
        ratio: rows without targets per row with one.
        weight: of their loss.
        average: decay per step of the running average of the weights, which is what is kept.
        rise: share of the training during which the weight rises from 0.
    """

    ratio: int = 7
    weight: float = 1.0
    average: float = 0.999
    rise: float = 0.0

    reads_logits = True

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        weak, strong = weak_view(plan.data), strong_view(plan.data)

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            with torch.no_grad():
                guesses = network(weak(batch.unlabelled)).softmax(1)
            logits = network(torch.cat([batch.x, strong(batch.unlabelled)]))
            known, guessed = logits[: len(batch.x)], logits[len(batch.x) :]
            state = batch.beside[self.card.name]
            risen = straight_rise(batch.progress, 0.0, self.rise) if self.rise else 1.0
            return batch.loss(known) + risen * self.loss(guesses, guessed, state)

        plan = plan.set(self.card.name, objective=objective, ratio=self.ratio, average=self.average)
        classes = len(plan.data.classes)
        beside = {self.card.name: lambda _: self.memory(classes)}
        return plan.add(augment=(weak,), beside=beside, cost=2.0 * self.ratio)

    @abstractmethod
    def loss(self, guesses: Tensor, logits: Tensor, state: nn.Module) -> Tensor:
        """Give what rows without targets add to the loss.

        Args:
            guesses: (U, K) probabilities by the weak views.
            logits: (U, K) of the strong views.
            state: what is remembered of the steps before, and changed here.
        """

    def memory(self, classes: int) -> nn.Module:
        """Give what is remembered at the start: nothing, unless a strategy says otherwise."""
        return nn.Module()


def guess_loss(guesses: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """Give the mean cross-entropy of logits (U, K) from the likeliest class, weighted (U,)."""
    losses = cross_entropy(logits, guesses.argmax(1), reduction="none")
    return (weights * losses).mean()
