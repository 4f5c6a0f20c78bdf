"""Changes that leave the class of an input alone, in two strengths, for each kind of data."""

import torch
from torch import Tensor

from roadworthy.core.dataset import Dataset
from roadworthy.core.threat import Ball
from roadworthy.images.changes import CHANGES
from roadworthy.images.mixes import changed
from roadworthy.training.plan import Augment

SHIFT = 8  # an image is moved by up to this part of its side
NOISE = 0.05  # standard deviations that numbers of a table are moved by
SWAPPED = 0.3  # of the columns, that a strong change takes from other rows
CHAIN = 2  # changes one after the other


def weak_view(data: Dataset) -> Augment:
    """Give the change that hardly shows: a small shift of an image, a little noise on numbers.

    Images are not mirrored: of digits, text and road signs the mirror image is another class.
    Categories stay, as no change of one is small.
    """
    if data.kind == "image":
        return shifted
    if data.features and all(feature.kind == "category" for feature in data.features):
        return lambda x: x
    ball = Ball.of(data, "l2", NOISE)

    def noisy(x: Tensor) -> Tensor:
        return x + NOISE * ball.unit(x) * torch.randn_like(x)

    return noisy


def strong_view(data: Dataset) -> Augment:
    """Give the change that an answer should survive.

    Images: a shift, two of AugMix' changes at random strengths, and a gray square of up to half
    the side (Sohn et al. 2020, arXiv:2001.07685, section 2.3, with other changes). Tables: three
    columns in ten take the value of another row of the batch (Bahri et al. 2022, arXiv:2106.15147).
    """
    return distorted if data.kind == "image" else swapped


def shifted(x: Tensor) -> Tensor:
    """Move images (N, C, H, W) by whole pixels; what comes in from outside repeats the edge."""
    places = []
    for side in x.shape[2:]:
        by = torch.randint(-(side // SHIFT), side // SHIFT + 1, (len(x), 1), device=x.device)
        places.append((torch.arange(side, device=x.device) + by).clamp(0, side - 1))
    rows, columns = places
    image = torch.arange(len(x), device=x.device)[:, None, None]
    return x[image, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def distorted(x: Tensor) -> Tensor:
    """Change images (N, C, H, W) strongly."""
    x = shifted(x)
    for _ in range(CHAIN):
        kind = torch.randint(len(CHANGES), (len(x),), device=x.device)
        x = changed(x, kind, 2 * torch.rand(len(x), device=x.device) - 1, CHANGES)
    return hidden(x)


def hidden(x: Tensor) -> Tensor:
    """Put a gray square of up to half the shorter side onto images (N, C, H, W)."""
    is_inside = torch.ones_like(x[:, :1], dtype=torch.bool)
    half = torch.rand(len(x), device=x.device) * min(x.shape[2:]) / 4
    for axis, side in ((2, x.shape[2]), (3, x.shape[3])):
        center = torch.rand(len(x), device=x.device) * side
        apart = (torch.arange(side, device=x.device) + 0.5 - center[:, None]).abs()
        near = apart <= half[:, None]
        is_inside &= near[:, None, :, None] if axis == 2 else near[:, None, None, :]
    return torch.where(is_inside, 0.5, x)


def swapped(x: Tensor) -> Tensor:
    """Take some columns of rows (N, D) from other rows, each from one of its own."""
    others = torch.randint(len(x), x.shape, device=x.device)
    return torch.where(torch.rand_like(x) < SWAPPED, x.gather(0, others), x)
