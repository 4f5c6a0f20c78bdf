import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.strategies.worst_case import WorstCase
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class NAT(Strategy):
    """Naive adversarial training: a share of each batch is replaced by one-step attacks on it.

    The step goes toward the least likely class, by a length that is drawn for each row. It is
    cheap. It holds against one-step attacks; several steps break it, and the network can learn to
    make single steps useless.

    Source: Kurakin, Goodfellow and Bengio 2016, arXiv:1611.01236, section 3 and algorithm 1.

    Args:
        eps: longest step in L-inf; in standard deviations for tables.
        spread: standard deviation of the normal that lengths are drawn from, as a share of `eps`;
            what lies outside 0 and `eps` is cut off.
        share: of each batch that is replaced.
        weight: of a replaced row's loss (lambda in the paper), where another row's is 1.
    """

    eps: float = 16 / 255
    spread: float = 0.5
    share: float = 0.5
    weight: float = 0.3

    card = Card(
        "nat",
        "Naive adversarial training",
        aliases=("naive-adversarial-training",),
        paper="arxiv:1611.01236",
        fixes=("RW-ROB-001",),
        safety="retrains",
    )
    reads_logits = True

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if not 0 < self.share <= 1 or self.spread <= 0 or self.weight <= 0:
            raise InputError(
                "nat takes a share above 0 and up to 1, a positive spread and a positive weight, "
                f"not {self.share}, {self.spread} and {self.weight}"
            )
        one_step = WorstCase.of(plan.data, "linf", self.eps, steps=1, step=1.0, start=0.0)

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            count = math.ceil(self.share * len(batch.x))
            x = batch.x[:count]  # batches are in random order, so the first rows are random ones
            near = one_step(network, x, _least_likely, self.lengths(x))
            losses = batch.loss(network(torch.cat([near, batch.x[count:]])), "none")
            weights = torch.ones_like(losses)
            weights[:count] = self.weight
            return (weights * losses).sum() / weights.sum()

        return plan.set(self.card.name, objective=objective)

    def lengths(self, x: Tensor) -> Tensor:
        """Draw a length (N,) for each input: a normal's size, cut off at `eps`."""
        # the inverse of the distribution function takes no second draw, as rejecting would
        cut = math.erf(1 / (self.spread * math.sqrt(2)))
        share = torch.rand(len(x), dtype=torch.float64, device=x.device) * cut
        sizes = (self.spread * math.sqrt(2) * torch.erfinv(share)).clamp_max(1)
        return self.eps * sizes.to(x.dtype)


def _least_likely(logits: Tensor) -> Tensor:
    """Give the log-probability (N,) of the class that logits (N, K) find least likely."""
    return -cross_entropy(logits, logits.detach().argmin(1), reduction="none")
