from dataclasses import dataclass, replace

from torch import Tensor, nn
from torch.nn.functional import one_hot

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.core.threat import Ball
from roadworthy.networks import Part
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import Strategy
from roadworthy.verification.interval_propagation import interval_propagation
from roadworthy.verification.region import Region
from roadworthy.verification.steps import unroll


@dataclass(frozen=True)
class IBPTraining(Strategy):
    """Training with interval bounds: the loss is that of the worst outputs that intervals allow.

    What it makes small is an upper bound of the loss under any attack within the L-inf radius, so
    the share of rows with a certificate grows; `certified-robustness` counts them. It costs about
    twice the training, and accuracy without an attack.

    Source: Gowal et al. 2018, arXiv:1810.12715, equation 12 and section 3.3: radius and weight of
    the plain loss change linearly after a warm-up, on MNIST over 5/6 of the training.
    Differs from the paper: the schedule is in shares of the training; the rate is the recipe's. A
    CNN is trained without its group normalization: intervals through it are too wide to learn from.

    Args:
        eps: L-inf radius; in standard deviations for tables.
        kappa: weight of the plain loss at the end; it starts at 1.
        warm_up: share of the training with the plain loss alone.
        ramp: share of the training at which radius and weight have reached their ends.
    """

    eps: float = 8 / 255
    kappa: float = 0.5
    warm_up: float = 0.05
    ramp: float = 0.6

    card = Card(
        "ibp-training",
        "Training with interval bounds",
        aliases=("ibp", "interval-bound-propagation"),
        paper="arxiv:1810.12715",
        fixes=("RW-ROB-001", "RW-ROB-004", "RW-ROB-005"),
        cost="minutes",
        safety="retrains",
    )
    reads_logits = True

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if not 0 <= self.warm_up < self.ramp <= 1:
            raise InputError(
                "interval bounds need 0 <= warm-up < ramp <= 1, not a warm-up of "
                f"{self.warm_up} and a ramp of {self.ramp}"
            )
        ball, valid = Ball.of(plan.data, "linf", self.eps), plan.data.bounds

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            plain = batch.loss(network(batch.x))
            done = (batch.progress - self.warm_up) / (self.ramp - self.warm_up)
            if done <= 0:
                return plain
            share = min(1.0, done)
            kappa = 1 - share * (1 - self.kappa)
            eps = batch.x.new_full((len(batch.x),), share * self.eps)
            region = Region.around(batch.x, eps, ball, valid)
            return kappa * plain + (1 - kappa) * batch.loss(worst_logits(network, region, batch.y))

        parts = tuple(_without_normalization(part) for part in plan.parts)
        return plan.set(self.card.name, objective=objective, parts=parts)


def _without_normalization(part: Part) -> Part:
    return (
        replace(part, settings={**part.settings, "normalizes": False})
        if part.name == "cnn"
        else part
    )


def worst_logits(network: nn.Module, region: Region, y: Tensor) -> Tensor:
    """Give the highest leads (N, K) over class y (N,) that intervals allow; 0 for y itself."""
    steps = unroll(network)
    classes = steps[-1].out_features
    own = one_hot(y, classes).to(region.low)
    wanted = own[:, None] - own.new_ones(classes).diag()
    return -interval_propagation(steps, region, wanted)
