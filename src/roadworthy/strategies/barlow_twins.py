from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.strategies.self_supervision import Pretext, SelfSupervision, twins, view_of
from roadworthy.training.plan import TrainPlan

EPS = 1e-5  # added to a variance


@dataclass(frozen=True)
class BarlowTwins(SelfSupervision):
    """Barlow Twins: two views of a row correlate in each number, and in no two different ones.

    The correlation matrix between the projections of two views of a batch is brought toward the
    identity: a number says the same of both views, and says what no other number says. Nothing
    else keeps the network from giving the same for all rows: no rows to tell apart, no second
    network.

    Source: Zbontar et al. 2021, arXiv:2103.03230, algorithm 1.
    Differs from the paper: a projector of `width` numbers where the paper has 8192, batches of 128
    where it has 2048, AdamW for LARS, views as `view_of` makes them.

    Args:
        epochs: of the pre-training; in the paper 1000.
        batch: rows per step of the pre-training.
        rate: learning rate at the start of the pre-training.
        crop: share of an image's area that a view shows at least.
        width: numbers of the projection.
        weight: of the redundancy (lambda in the paper); there 0.005, for the more pairs of a wider
            projector.
    """

    crop: float = 0.3
    width: int = 256
    weight: float = 0.02

    card = Card(
        "barlow-twins",
        "Barlow Twins",
        paper="arxiv:2103.03230",
        cost="minutes",
        safety="retrains",
    )
    purpose = "representation"

    def pretext(self, plan: TrainPlan) -> Pretext:
        if self.weight < 0 or self.width < 2:
            raise InputError(
                "barlow-twins takes a width of at least 2 and a weight of at least 0, not "
                f"{self.width} and {self.weight}"
            )
        view = view_of(plan.data, self.crop)
        return twins(view, self.width, lambda a, b: barlow_loss(a, b, self.weight))


def barlow_loss(first: Tensor, second: Tensor, weight: float) -> Tensor:
    """Say how far the correlations of two projections (N, D) are from the identity."""
    correlation = standardized(first).T @ standardized(second) / len(first)
    own = correlation.diagonal()
    redundancy = correlation.square().sum() - own.square().sum()
    return (1 - own).square().sum() + weight * redundancy


def standardized(z: Tensor) -> Tensor:
    """Give each number (N, D) mean 0 and variance 1 over the batch."""
    variance, mean = torch.var_mean(z, 0, correction=0)
    return (z - mean) * (variance + EPS).rsqrt()
