from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.attacks.resampling import bilinear
from roadworthy.core.adaptive import Guarded, InputStep
from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model


@dataclass(frozen=True)
class CropRescale(Guard):
    """Cropping and rescaling: a random part of each image is enlarged to the image's size.

    Claims that a change made for one place of the image does not fit another. The step is
    differentiable, so an attack that averages over draws meets all places at once and gets through.

    Source: Guo et al. 2017, arXiv:1711.00117, section 4; broken by Athalye et al. 2018,
    arXiv:1802.00420.
    Differs from the paper: it averages predictions over 30 crops of 90 of 224 pixels, by a network
    trained on crops; here one crop is drawn, which leaves most of the image to a network that was
    not.

    Args:
        side: share of the image's height and width that a crop has.
    """

    side: float = 0.9

    card = Card(
        "crop-rescale",
        "Random cropping and rescaling",
        paper="arxiv:1711.00117",
        fixes=("RW-ROB-001",),
        safety="changes predictions",
    )
    kinds = frozenset({"image"})

    def wrap(self, model: Model, learned: Learned) -> Model:
        if not 0 < self.side <= 1:
            raise InputError(f"crop-rescale keeps a share of the side up to 1, not {self.side}")
        sides = model.spec.input_shape[-2:]
        step = InputStep(
            f"crop-{self.side}",
            self.cropped,
            is_differentiable=True,
            is_random=any(_kept(side, self.side) < side for side in sides),
        )
        return Guarded(model, step)

    def cropped(self, x: Tensor) -> Tensor:
        """Enlarge a random part of each image (N, C, H, W)."""
        row, column = (_places(x, axis, self.side) for axis in (2, 3))
        return bilinear(x, *torch.broadcast_tensors(row[:, :, None], column[:, None]))


def _kept(side: int, share: float) -> int:
    return max(1, round(side * share))


def _places(x: Tensor, axis: int, share: float) -> Tensor:
    """Draw a crop, and say where along the axis each new pixel is read from: (N, side)."""
    side = x.shape[axis]
    size = _kept(side, share)
    start = torch.randint(side - size + 1, (len(x), 1), device=x.device)
    new = torch.arange(side, dtype=x.dtype, device=x.device)
    return start + ((new + 0.5) * (size / side) - 0.5).clamp(0, size - 1)
