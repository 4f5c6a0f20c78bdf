from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import kl_div

from roadworthy.core.card import Card
from roadworthy.core.progress import Progress
from roadworthy.core.threat import Norm
from roadworthy.strategies.worst_case import WorstCase
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import Strategy

NEAR = 1e-3  # where the search starts: at the input itself the divergence has no slope


@dataclass(frozen=True)
class TRADES(Strategy):
    """TRADES: a loss of accuracy plus a loss of stability, with a weight that trades them.

    Learns the rows as they are, and asks that the answer near a row be that of the row itself.

    Source: Zhang et al. 2019, arXiv:1901.08573, equation 5 and algorithm 1.
    Differs from the paper: the first epochs raise the weight of stability from 0.

    Args:
        norm: `linf` or `l2`.
        eps: radius; in standard deviations for tables.
        steps: of the search for the least stable input.
        step: length of a step, as a share of the radius.
        beta: weight of stability (1/lambda in the paper, there 1 to 6).
        warm_up: share of the training during which that weight rises.
    """

    norm: Norm = "linf"
    eps: float = 8 / 255
    steps: int = 10
    step: float = 0.25
    beta: float = 6.0
    warm_up: float = 0.2

    card = Card(
        "trades",
        "TRADES",
        paper="arxiv:1901.08573",
        fixes=("RW-ROB-001", "RW-ROB-005"),
        cost="minutes",
        safety="retrains",
    )
    reads_logits = True

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        start = NEAR / max(self.eps, NEAR)
        worst = WorstCase.of(plan.data, self.norm, self.eps, self.steps, self.step, start)

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            logits = network(batch.x)
            answer = logits.log_softmax(1)
            fixed = answer.detach()
            near = worst(network, batch.x, lambda other: _divergence(other, fixed))
            weight = self.beta * min(1.0, batch.progress / max(self.warm_up, 1e-9))
            return batch.loss(logits) + weight * _divergence(network(near), answer).mean()

        return plan.set(self.card.name, objective=objective)


def _divergence(logits: Tensor, answer: Tensor) -> Tensor:
    """Give the Kullback-Leibler divergence (N,) of logits from log-probabilities (N, K)."""
    return kl_div(logits.log_softmax(1), answer, reduction="none", log_target=True).sum(1)
