from dataclasses import dataclass

from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.progress import Progress
from roadworthy.strategies.environment_risks import environments_of, risks
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import CLASSES, Strategy


@dataclass(frozen=True)
class VREx(Strategy):
    """Risk extrapolation: the risk should be the same in every environment.

    Adds the variance of the environments' risks to their mean. A model that leans on what differs
    between environments errs differently in them.

    Source: Krueger et al. 2020, arXiv:2003.00688, equation 8 (V-REx).
    Differs from the paper: environments without rows in a batch are left out of its variance.

    Args:
        beta: weight of the variance after the warm-up; the loss is divided by it.
        warm_up: share of the training during which the variance weighs 1.
    """

    beta: float = 100.0
    warm_up: float = 0.3

    card = Card(
        "vrex",
        "Risk extrapolation",
        aliases=("rex", "v-rex"),
        paper="arxiv:2003.00688",
        fixes=("RW-SHIFT-002",),
        safety="retrains",
    )
    tasks = CLASSES | {Task.REGRESSION}
    kinds = KINDS

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        environment = environments_of(plan, "vrex")
        most = int(environment.max()) + 1

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            losses = batch.loss(network(batch.x), "none")
            found, has_rows = risks(losses, environment[batch.rows], most)
            found = found[has_rows]
            weight = 1.0 if batch.progress < self.warm_up else self.beta
            return (found.mean() + weight * found.var(correction=0)) / max(weight, 1.0)

        return plan.set(self.card.name, objective=objective)
