from dataclasses import dataclass

from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.progress import Progress
from roadworthy.core.threat import Norm
from roadworthy.strategies.worst_case import WorstCase, rising
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class AdversarialTraining(Strategy):
    """Adversarial training: learn from the worst inputs near each row, found by PGD at every step.

    Minimizes the largest loss within the ball. It is the defense that has held against adaptive
    attacks; it costs `steps` + 1 times the training, and some accuracy without an attack.

    Source: Madry et al. 2017, arXiv:1706.06083, section 3 and appendix A: on MNIST 40 steps of
    0.01 at L-inf 0.3, on CIFAR-10 7 steps of 2/255 at 8/255.
    Differs from the paper: the first epochs raise the radius from 0, without which small networks
    learn nothing from radii such as 0.3.

    Args:
        norm: `linf` or `l2`.
        eps: radius; in standard deviations for tables.
        steps: of PGD.
        step: length of a step, as a share of the radius.
        warm_up: share of the training during which the radius rises.
    """

    norm: Norm = "linf"
    eps: float = 8 / 255
    steps: int = 7
    step: float = 0.25
    warm_up: float = 0.2

    card = Card(
        "adversarial-training",
        "Adversarial training",
        aliases=("madry-training", "pgd-training"),
        paper="arxiv:1706.06083",
        fixes=("RW-ROB-001", "RW-ROB-005"),
        cost="minutes",
        safety="retrains",
    )

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        worst = WorstCase.of(plan.data, self.norm, self.eps, self.steps, self.step)

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            radius = rising(self.eps, batch, self.warm_up)
            near = worst(network, batch.x, lambda outputs: batch.loss(outputs, "none"), radius)
            return batch.loss(network(near))

        return plan.set(self.card.name, objective=objective)
