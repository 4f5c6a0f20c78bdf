from dataclasses import dataclass

from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.dataset import KINDS, Task
from roadworthy.core.progress import Progress
from roadworthy.strategies.environment_risks import environments_of, slopes_of_scale
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import CLASSES, Strategy


@dataclass(frozen=True)
class IRM(Strategy):
    """Invariant risk minimization: one classifier should be the best in every environment at once.

    Penalizes how much an environment's risk could still fall by scaling the outputs for it alone. A
    relation that is stronger in one environment than in another cannot meet this; a causal one can.

    Source: Arjovsky et al. 2019, arXiv:1907.02893, IRMv1, equation 4 and appendix D.
    Differs from the paper: environments without rows in a batch are left out of its penalty. In
    trials since, it often did no better than plain training (Gulrajani and Lopez-Paz 2020,
    arXiv:2007.01434): inspect before and after.

    Args:
        weight: of the penalty after the warm-up; the loss is divided by it, as in the paper's code.
        warm_up: share of the training during which the penalty weighs 1.
    """

    weight: float = 100.0
    warm_up: float = 0.3

    card = Card(
        "irm",
        "Invariant risk minimization",
        aliases=("invariant-risk-minimization",),
        paper="arxiv:1907.02893",
        fixes=("RW-SHIFT-002",),
        safety="retrains",
    )
    tasks = CLASSES | {Task.REGRESSION}
    kinds = KINDS

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        environment = environments_of(plan, "irm")

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            risk, slopes = slopes_of_scale(network, batch, environment)
            weight = 1.0 if batch.progress < self.warm_up else self.weight
            return (risk + weight * slopes.square().mean()) / max(weight, 1.0)

        return plan.set(self.card.name, objective=objective)
