from dataclasses import dataclass

import torch
from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.networks.backbone import backbone_of
from roadworthy.strategies.self_supervision import (
    Directions,
    Pretext,
    SelfSupervision,
    embedded,
    views_of,
)
from roadworthy.training.plan import Batch, TrainPlan

ROUNDS = 3  # of Sinkhorn and Knopp's normalization
SHARPNESS = 0.05  # epsilon in the paper


@dataclass(frozen=True)
class SwAV(SelfSupervision):
    """SwAV: predict from one view of a row to which cluster another view of it was assigned.

    Clusters are learned directions, the prototypes. A batch is assigned to them so that each gets
    the same share, which keeps all rows from falling into one; each view then predicts the
    assignment of the other. Where classes are far from equally frequent the equal shares cut
    across them.

    Source: Caron et al. 2020, arXiv:2006.09882, section 3 and appendix A.
    Differs from the paper: there is no queue of earlier rows, which serves batches with fewer rows
    than prototypes; small crops are made of images of 32 pixels and more only, and enlarged, so
    that they take as long as full views; prototypes learn from the first step on; AdamW for LARS.

    Args:
        epochs: of the pre-training; in the paper 100 to 800.
        batch: rows per step of the pre-training.
        rate: learning rate at the start of the pre-training.
        crop: share of an image's area that a view shows at least; in the paper 0.14.
        small: small crops of each image; in the paper 6.
        width: numbers of the projection.
        prototypes: how many there are; in the paper 3000 for 1000 classes.
        temperature: that similarities to prototypes are divided by.
    """

    crop: float = 0.3
    small: int = 2
    width: int = 64
    prototypes: int = 60
    temperature: float = 0.1

    card = Card(
        "swav",
        "Swapped assignments between views",
        paper="arxiv:2006.09882",
        cost="minutes",
        safety="retrains",
    )
    purpose = "representation"

    def pretext(self, plan: TrainPlan) -> Pretext:
        if not self.temperature > 0 or self.prototypes < 2 or self.width < 1 or self.small < 0:
            raise InputError(
                "swav takes at least 2 prototypes, a positive temperature, a width of at least 1 "
                f"and no negative number of small crops, not {self.prototypes}, "
                f"{self.temperature}, {self.width} and {self.small}"
            )
        views = views_of(plan.data, self.crop, self.small)

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            seen = embedded(network, [view(batch.x) for view in views])
            scores = [*map(batch.beside["prototypes"], seen)]
            return swapped_loss(scores, self.temperature)

        def make(network: nn.Sequential) -> nn.Module:
            return Directions(backbone_of(network).width, self.width, self.prototypes)

        return Pretext(objective, {"prototypes": make})


def swapped_loss(scores: list[Tensor], temperature: float) -> Tensor:
    """Give the cross-entropy of predicting the assignments of two full views from all others.

    Args:
        scores: (N, K) similarities to the prototypes, of each view, the full ones first.
        temperature: that they are divided by.
    """
    losses = []
    for full in range(2):
        share = assigned(scores[full].detach())
        for other, score in enumerate(scores):
            if other != full:
                likely = (score / temperature).log_softmax(1)
                losses.append(-(share * likely).sum(1).mean())
    return torch.stack(losses).mean()


def assigned(scores: Tensor) -> Tensor:
    """Assign rows to prototypes by scores (N, K), so that each prototype gets about as much.

    Returns:
        (N, K) shares; each row's sum to 1.
    """
    share = ((scores - scores.max()) / SHARPNESS).exp()
    for _ in range(ROUNDS):
        share = share / share.sum(0)
        share = share / share.sum(1, keepdim=True)
    return share
