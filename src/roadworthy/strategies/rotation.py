from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.networks.backbone import backbone_of, embedding
from roadworthy.strategies.self_supervision import Pretext, SelfSupervision
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.views import weak_view

TURNS = 4


@dataclass(frozen=True)
class RotationPrediction(SelfSupervision):
    """Rotation prediction: say by how many quarter turns an image was turned.

    A step sees each image of its batch in all four ways. Whoever can tell has to know what is
    usually up; where nothing is, as in many images of skin, cells or the ground from above, there
    is nothing to learn.

    Source: Gidaris et al. 2018, arXiv:1803.07728, section 3.
    Differs from the paper: the images are shifted a little first, and are not mirrored.

    Args:
        epochs: of the pre-training.
        batch: images per step of the pre-training, each four times.
        rate: learning rate at the start of the pre-training.
    """

    card = Card(
        "rotation",
        "Rotation prediction",
        aliases=("rotnet",),
        paper="arxiv:1803.07728",
        cost="minutes",
        safety="retrains",
    )
    purpose = "representation"
    views = 4
    kinds = frozenset({"image"})

    def pretext(self, plan: TrainPlan) -> Pretext:
        height, width = plan.rows.x.shape[2:]
        if height != width:
            raise InputError(
                f"rotation turns square images, and these are {height} × {width}: crop them first"
            )
        shift = weak_view(plan.data)

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            x, turns = turned(shift(batch.x))
            return cross_entropy(batch.beside["turns"](embedding(network, x)), turns)

        def make(network: nn.Sequential) -> nn.Module:
            return nn.Linear(backbone_of(network).width, TURNS)

        return Pretext(objective, {"turns": make})


def turned(x: Tensor) -> tuple[Tensor, Tensor]:
    """Give images (N, C, S, S) in all four ways (4 N, C, S, S), and how they were turned (4 N,)."""
    turns = torch.arange(TURNS, device=x.device).repeat_interleave(len(x))
    return torch.cat([x.rot90(turn, (2, 3)) for turn in range(TURNS)]), turns
