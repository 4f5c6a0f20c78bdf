from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.networks.backbone import backbone_of
from roadworthy.strategies.self_supervision import (
    Pretext,
    SelfSupervision,
    embedded,
    projector,
    view_of,
)
from roadworthy.training.plan import Batch, TrainPlan


@dataclass(frozen=True)
class SimCLR(SelfSupervision):
    """SimCLR: find the other view of the same row among the views of all rows of a batch.

    The projections of two views of a row should be nearer, by their angle, than those of any two
    rows. Rows of a batch that look alike are pushed apart all the same.

    Source: Chen et al. 2020, arXiv:2002.05709, algorithm 1; the temperature is that of its
    experiments on CIFAR-10 (appendix B.9).
    Differs from the paper: batches of 128 where the paper takes up to 8192, AdamW for LARS, views
    as `view_of` makes them.

    Args:
        epochs: of the pre-training; in the paper 100 to 1000.
        batch: rows per step of the pre-training; more rows are harder to tell apart.
        rate: learning rate at the start of the pre-training.
        crop: share of an image's area that a view shows at least; in the paper 0.08.
        width: numbers of the projection.
        temperature: that similarities are divided by.
    """

    crop: float = 0.3
    width: int = 128
    temperature: float = 0.5

    card = Card(
        "simclr",
        "SimCLR",
        aliases=("nt-xent",),
        paper="arxiv:2002.05709",
        cost="minutes",
        safety="retrains",
    )
    purpose = "representation"

    def pretext(self, plan: TrainPlan) -> Pretext:
        if not self.temperature > 0 or self.width < 1:
            raise InputError(
                "simclr takes a width of at least 1 and a positive temperature, not "
                f"{self.width} and {self.temperature}"
            )
        view = view_of(plan.data, self.crop)

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            both = torch.cat(embedded(network, [view(batch.x), view(batch.x)]))
            return nt_xent(*batch.beside["projector"](both).chunk(2), self.temperature)

        def make(network: nn.Sequential) -> nn.Module:
            inputs = backbone_of(network).width
            return projector(inputs, inputs, self.width)

        return Pretext(objective, {"projector": make})


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Give the mean cross-entropy of finding each projection's (N, D) twin among all others."""
    z = normalize(torch.cat([first, second]))
    similarity = z @ z.T / temperature
    similarity.fill_diagonal_(-torch.inf)  # nobody is their own twin
    twin = torch.arange(len(z), device=z.device).roll(len(first))
    return cross_entropy(similarity, twin)
