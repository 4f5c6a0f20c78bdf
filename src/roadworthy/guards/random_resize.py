from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.adaptive import Guarded, InputStep
from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model
from roadworthy.images.resampling import bilinear


@dataclass(frozen=True)
class RandomResize(Guard):
    """Random resizing and padding: each image is shrunk to a random size and put at a random place.

    What is around it is black. It claims that an attacker cannot foresee the place of a pixel. The
    step is differentiable, so an attack that averages over draws meets all places at once and gets
    through.

    Source: Xie et al. 2017, arXiv:1711.01991; broken by Athalye et al. 2018, arXiv:1802.00420.
    Differs from the paper: there an image of 299 pixels becomes one of 331, which its network
    takes; here the padded image has the size that the model takes, so that images shrink. Each
    image of a batch gets its own size and place. Bilinear, not nearest.

    Args:
        smallest: share of the image's side that the smallest size has; the paper's is 299 / 331.
    """

    smallest: float = 0.9

    card = Card(
        "random-resize",
        "Random resizing and padding",
        aliases=("RT", "random-transformations", "random-resize-pad"),
        paper="arxiv:1711.01991",
        fixes=("RW-ROB-001",),
        safety="changes predictions",
    )
    kinds = frozenset({"image"})

    def wrap(self, model: Model, learned: Learned) -> Model:
        if not 0 < self.smallest < 1:
            raise InputError(f"random-resize takes a share between 0 and 1, not {self.smallest}")
        step = InputStep(
            f"random-resize-{self.smallest}", self.resized, is_differentiable=True, is_random=True
        )
        return Guarded(model, step)

    def resized(self, x: Tensor) -> Tensor:
        """Shrink and place images (N, C, H, W) at random."""
        height, width = x.shape[2:]
        # one side's size is drawn, and the other follows, so that shapes keep their proportions
        least = min(max(1, round(self.smallest * width)), width - 1)
        new_width = _drawn(torch.full((len(x),), width - least + 1, device=x.device)) + least
        new_height = (new_width * height / width).round().clamp(1, height).long()
        top, left = _drawn(height - new_height + 1), _drawn(width - new_width + 1)
        row, has_row = _places(height, top, new_height)
        column, has_column = _places(width, left, new_width)
        read = bilinear(x, *torch.broadcast_tensors(row[:, :, None], column[:, None]))
        return read * (has_row[:, None, :, None] & has_column[:, None, None])


def _drawn(below: Tensor) -> Tensor:
    """Draw whole numbers (N,) from 0 to less than each bound."""
    return (torch.rand(len(below), device=below.device) * below).long().clamp_max(below - 1)


def _places(side: int, start: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    """Say where each row of a new image is read from (N, side), and whether it is inside (N, side).

    The old image's middle, not its corner pixels, stays in place: as `interpolate` does it.
    """
    place = torch.arange(side, device=start.device) - start[:, None]
    is_inside = (place >= 0) & (place < size[:, None])
    source = (place + 0.5) * (side / size[:, None]) - 0.5
    return source.clamp(0, side - 1), is_inside
