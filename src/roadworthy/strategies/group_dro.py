from dataclasses import dataclass

import torch
from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.progress import Progress
from roadworthy.strategies.environment_risks import environments_of, risks
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import CLASSES, Strategy


@dataclass(frozen=True)
class GroupDRO(Strategy):
    """Group distributionally robust optimization: learn for the environment that fares worst.

    Each environment has a weight that grows with its risk at every step, and the loss is the
    weighted mean. It needs regularization to work: a network that fits every row has no worst
    environment left.

    Source: Sagawa et al. 2020, arXiv:1911.08731, algorithm 1.
    Differs from the paper: a batch is not drawn evenly from the environments.

    Args:
        step: how fast weights grow.
    """

    step: float = 0.01

    card = Card(
        "group-dro",
        "Group distributionally robust optimization",
        aliases=("gdro",),
        paper="arxiv:1911.08731",
        fixes=("RW-SHIFT-002",),
        safety="retrains",
    )
    tasks = CLASSES | {Task.REGRESSION}
    kinds = KINDS

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        environment = environments_of(plan, "group-dro")
        most = int(environment.max()) + 1

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            losses = batch.loss(network(batch.x), "none")
            found, _ = risks(losses, environment[batch.rows], most)
            weights = batch.beside[self.card.name].of
            weights.mul_((self.step * found.detach()).exp())
            weights.div_(weights.sum())
            return (weights.clone() * found).sum()

        plan = plan.add(beside={self.card.name: lambda _: EnvironmentWeights(most)})
        return plan.set(self.card.name, objective=objective)


class EnvironmentWeights(nn.Module):
    """How much each of several environments counts, which changes from step to step."""

    def __init__(self, environments: int) -> None:
        super().__init__()
        self.register_buffer("of", torch.ones(environments))
