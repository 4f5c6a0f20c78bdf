from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import kl_div, one_hot

from roadworthy.core.card import Card
from roadworthy.core.progress import Progress
from roadworthy.core.threat import Norm
from roadworthy.strategies.worst_case import WorstCase, rising
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import Strategy

TINY = 1e-12  # probabilities below it are taken for it


@dataclass(frozen=True)
class MART(Strategy):
    """MART: adversarial training that asks for most stability where the answer is wrong.

    The loss of the worst inputs pushes the right class up and the runner-up down; a divergence
    from the answer at the row itself is added, the more the less sure that answer is.

    Source: Wang et al. 2020, openreview:rklOg6EFwS, section 3.
    Differs from the paper: the first epochs raise the radius from 0, as in `adversarial-training`.

    Args:
        norm: `linf` or `l2`.
        eps: radius; in standard deviations for tables.
        steps: of PGD.
        step: length of a step, as a share of the radius.
        weight: of the divergence (lambda in the paper).
        warm_up: share of the training during which the radius rises.
    """

    norm: Norm = "linf"
    eps: float = 8 / 255
    steps: int = 10
    step: float = 0.25
    weight: float = 5.0
    warm_up: float = 0.2

    card = Card(
        "mart",
        "Misclassification-aware adversarial training",
        aliases=("misclassification-aware-training",),
        paper="openreview:rklOg6EFwS",
        fixes=("RW-ROB-001", "RW-ROB-005"),
        cost="minutes",
        safety="retrains",
    )
    reads_logits = True

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        worst = WorstCase.of(plan.data, self.norm, self.eps, self.steps, self.step)

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            radius = rising(self.eps, batch, self.warm_up)
            near = worst(network, batch.x, lambda outputs: batch.loss(outputs, "none"), radius)
            return self.loss(network(batch.x), network(near), batch)

        return plan.set(self.card.name, objective=objective)

    def loss(self, clean: Tensor, attacked: Tensor, batch: Batch) -> Tensor:
        """Give the loss of logits (N, K) for rows as they are, and for the worst near them."""
        is_class = one_hot(batch.y, clean.shape[1]).bool()
        runner_up = attacked.softmax(1).masked_fill(is_class, 0).amax(1)
        # BCE in the paper: the boosted cross-entropy
        boosted = batch.loss(attacked, "none") - (1 - runner_up).clamp_min(TINY).log()
        answer = clean.log_softmax(1)
        divergence = kl_div(attacked.log_softmax(1), answer, reduction="none", log_target=True).sum(
            1
        )
        doubt = 1 - answer.exp()[is_class]
        return (boosted + self.weight * doubt * divergence).mean()
