import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.networks.backbone import backbone_of
from roadworthy.strategies.self_supervision import (
    Pretext,
    SelfSupervision,
    embedded,
    follow,
    projector,
    rising,
    view_of,
)
from roadworthy.training.plan import Batch, TrainPlan


@dataclass(frozen=True)
class BYOL(SelfSupervision):
    """Bootstrap your own latent: predict how a slow copy of oneself projects another view.

    The copy, the target, is a moving average of the network and gets no gradients. There are no
    other rows to tell apart; why not all rows come to project alike is only partly understood, and
    batch normalization in the projector has a part in it.

    Source: Grill et al. 2020, arXiv:2006.07733, equations 1 to 3.
    Differs from the paper: hidden layers of `hidden` units where the paper has 4096, batches of 128
    where it has 4096, AdamW for LARS, views as `view_of` makes them.

    Args:
        epochs: of the pre-training; in the paper 300 to 1000.
        batch: rows per step of the pre-training.
        rate: learning rate at the start of the pre-training.
        crop: share of an image's area that a view shows at least; in the paper 0.08.
        width: numbers of the projection.
        hidden: width of the hidden layers of projector and predictor.
        keep: share of the target that stays at the first step, and rises to 1 until the last; in
            the paper 0.996, and less for short trainings.
    """

    crop: float = 0.3
    width: int = 64
    hidden: int = 256
    keep: float = 0.97

    card = Card(
        "byol",
        "Bootstrap your own latent",
        paper="arxiv:2006.07733",
        cost="minutes",
        safety="retrains",
    )
    purpose = "representation"

    def pretext(self, plan: TrainPlan) -> Pretext:
        if not 0 <= self.keep <= 1 or min(self.width, self.hidden) < 1:
            raise InputError(
                "byol takes a share to keep from 0 to 1 and widths of at least 1, not "
                f"{self.keep}, {self.width} and {self.hidden}"
            )
        view = view_of(plan.data, self.crop)

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            views, beside = [view(batch.x), view(batch.x)], batch.beside["byol"]
            predicted = [*map(beside.predictor, map(beside.projector, embedded(network, views)))]
            with torch.no_grad():
                aims = [*map(beside.target_projector, embedded(beside.target, views))]
            return (apart(predicted[0], aims[1]) + apart(predicted[1], aims[0])).mean()

        def bring_along(network: nn.Module, batch: Batch) -> None:
            keep, beside = rising(self.keep, batch.progress), batch.beside["byol"]
            follow(beside.target, network, keep)
            follow(beside.target_projector, beside.projector, keep)

        def make(network: nn.Sequential) -> nn.Module:
            return Bootstrap(network, self.hidden, self.width)

        return Pretext(objective, {"byol": make}, (bring_along,))


class Bootstrap(nn.Module):
    """What is beside the online network: its projector and predictor, and the target.

    Args:
        network: the online network; the target starts as its copy.
        hidden: width of the hidden layers.
        width: numbers of a projection.
    """

    def __init__(self, network: nn.Sequential, hidden: int, width: int) -> None:
        super().__init__()
        self.projector = projector(backbone_of(network).width, hidden, width)
        self.predictor = projector(width, hidden, width)
        self.target = copy.deepcopy(network).requires_grad_(False)
        self.target_projector = copy.deepcopy(self.projector).requires_grad_(False)


def apart(predicted: Tensor, aim: Tensor) -> Tensor:
    """Give the squared distances (N,) of two batches of vectors (N, D) of length 1: 2 - 2 cos."""
    return 2 - 2 * (normalize(predicted) * normalize(aim)).sum(1)
