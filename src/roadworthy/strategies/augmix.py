import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.progress import Progress
from roadworthy.images.mixes import MixSettings
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class AugMix(MixSettings, Strategy):
    """AugMix: mixes of changed images must be answered as the image itself.

    Chains of small changes (turns, shears, shifts, coarser or stretched values) are mixed with
    each other and with the image; the Jensen-Shannon divergence of three answers is added to the
    loss. It helps against corruptions that it never saw; it is no defense against attacks.

    Source: Hendrycks et al. 2019, arXiv:1912.02781, section 3.
    Differs from the paper: images are changed as numbers, where the paper rounds to bytes after
    each change.

    Args:
        severity: from 0 to 10, the largest strength of a change.
        width: chains that are mixed.
        depth: most changes in a chain; at least one.
        alpha: of the Dirichlet and Beta distributions that weights of the mix are drawn from.
        weight: of the divergence (lambda in the paper).
    """

    weight: float = 12.0

    card = Card(
        "augmix",
        "AugMix",
        paper="arxiv:1912.02781",
        fixes=("RW-ROB-002", "RW-BIAS-005"),
        safety="retrains",
    )
    kinds = frozenset({"image"})
    reads_logits = True

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        self.check_mixes()

        def penalty(network: nn.Module, batch: Batch) -> Tensor:
            mixed = [self.drawn(len(batch.x)).of(batch.x) for _ in range(2)]
            logits = network(torch.cat([batch.x, *mixed])).reshape(3, len(batch.x), -1)
            return self.weight * jensen_shannon(logits.log_softmax(2)).mean()

        return plan.add(penalties=(penalty,))


def jensen_shannon(answers: Tensor) -> Tensor:
    """Give the divergence (N,) of several answers, log-probabilities (views, N, K)."""
    mean = answers.logsumexp(0) - math.log(len(answers))
    return (answers.exp() * (answers - mean)).sum(2).mean(0)
