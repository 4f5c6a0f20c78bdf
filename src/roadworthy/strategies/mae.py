from dataclasses import dataclass

import torch
from torch import Tensor, nn

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.networks.backbone import backbone_of, halves
from roadworthy.strategies.self_supervision import Pretext, SelfSupervision
from roadworthy.training.plan import Batch, TrainPlan


@dataclass(frozen=True)
class MaskedAutoencoder(SelfSupervision):
    """Masked autoencoder: paint what was hidden of an image.

    Most of the image's squares are hidden, and a small decoder paints them from the embedding of
    the rest. Only hidden pixels count. What is learned serves fine-tuning better than a linear
    layer on top of it.

    Source: He et al. 2022, arXiv:2111.06377, section 3.
    Differs from the paper: there a transformer sees only the squares that are left, which saves
    most of the work, and a decoder gets one vector of each. A convolutional network needs the whole
    image: hidden squares hold the mean, the work is not less, and the decoder gets the one
    embedding. Pixels are standardized over the data, not within their square.

    Args:
        epochs: of the pre-training; in the paper 800 to 1600.
        batch: images per step of the pre-training.
        rate: learning rate at the start of the pre-training.
        hidden: share of the squares that are hidden.
        squares: along the image's shorter side; in the paper 14.
        width: of the decoder's hidden layer.
    """

    hidden: float = 0.75
    squares: int = 7
    width: int = 256

    card = Card(
        "mae",
        "Masked autoencoder",
        paper="arxiv:2111.06377",
        cost="minutes",
        safety="retrains",
    )
    purpose = "representation"
    views = 1
    kinds = frozenset({"image"})

    def pretext(self, plan: TrainPlan) -> Pretext:
        if not 0 < self.hidden < 1 or self.squares < 2 or self.width < 1:
            raise InputError(
                "mae hides a share between 0 and 1 of at least 2 squares along the side, and takes "
                f"a width of at least 1, not {self.hidden}, {self.squares} and {self.width}"
            )

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            encoder, backbone = halves(network)
            x = encoder(batch.x)
            is_hidden = hidden_squares(x, self.squares, self.hidden)
            z = backbone.embed(x.masked_fill(is_hidden, 0))
            return painting_loss(batch.beside["decoder"](z).reshape(x.shape), x, is_hidden)

        def make(network: nn.Sequential) -> nn.Module:
            inputs = backbone_of(network).width
            pixels = halves(network)[0](plan.rows.x[:1]).numel()
            return nn.Sequential(
                nn.Linear(inputs, self.width), nn.ReLU(), nn.Linear(self.width, pixels)
            )

        return Pretext(objective, {"decoder": make})


def hidden_squares(x: Tensor, squares: int, share: float) -> Tensor:
    """Draw for each image (N, C, H, W) which pixels (N, 1, H, W) are hidden, whole squares each.

    The same number of squares is hidden of each image; those at the far edges may be cut off.
    """
    height, width = x.shape[2:]
    side = -(-min(height, width) // squares)
    rows, columns = -(-height // side), -(-width // side)
    count = round(share * rows * columns)
    order = torch.rand(len(x), rows * columns, device=x.device).argsort(1)
    is_hidden = (order < count).reshape(-1, 1, rows, columns)
    whole = is_hidden.repeat_interleave(side, 2).repeat_interleave(side, 3)
    return whole[:, :, :height, :width]


def painting_loss(painted: Tensor, x: Tensor, is_hidden: Tensor) -> Tensor:
    """Give the mean squared error of images (N, C, H, W) over their hidden pixels (N, 1, H, W)."""
    squared = (painted - x).square() * is_hidden
    return squared.sum() / (is_hidden.sum() * x.shape[1])
