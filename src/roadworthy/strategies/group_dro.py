from dataclasses import dataclass

from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.dataset import Task
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

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        environment = environments_of(plan, "group-dro")
        most = int(environment.max()) + 1
        weights = plan.rows.x.new_ones(most)

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            losses = batch.loss(network(batch.x), "none")
            found, _ = risks(losses, environment[batch.rows], most)
            if batch.progress == 0:  # a plan that is followed again starts anew
                weights.fill_(1.0)
            weights.mul_((self.step * found.detach()).exp())
            weights.div_(weights.sum())
            return (weights.clone() * found).sum()

        return plan.set(self.card.name, objective=objective)
