from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.adaptive import Guarded, InputStep
from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model


@dataclass(frozen=True)
class SpatialSmoothing(Guard):
    """Spatial smoothing: each pixel becomes the median of its neighborhood.

    Claims to remove what stands alone, so it helps most against attacks that change few pixels by
    much (L0). It costs accuracy where images are small. A change spread over a neighborhood passes.
    The median has an exact derivative, which leads to one pixel of each window, and attacks use it:
    on digits of 8 × 8 pixels it beats more images than the derivative of the identity or of the
    window's mean in its place.

    Source: Xu, Evans and Qi 2017, arXiv:1704.01155, section III.

    Args:
        window: its height and width in pixels; of an even one the pixel is at the lower right of
            the middle, and the greater of two medians counts, as in the paper.
    """

    window: int = 3

    card = Card(
        "spatial-smoothing",
        "Spatial smoothing by medians",
        aliases=("SS", "median-filter", "median-smoothing"),
        paper="arxiv:1704.01155",
        fixes=("RW-ROB-001",),
        safety="changes predictions",
    )
    kinds = frozenset({"image"})

    def wrap(self, model: Model, learned: Learned) -> Model:
        side = min(model.spec.input_shape[-2:])
        if not 1 <= self.window <= side:
            raise InputError(
                f"spatial smoothing takes a window of 1 to {side} pixels here, not {self.window}"
            )
        step = InputStep(f"median-{self.window}", self.smoothed, is_differentiable=True)
        return Guarded(model, step)

    def smoothed(self, x: Tensor) -> Tensor:
        """Filter images (N, C, H, W) by the median."""
        return self._windows(x).kthvalue(self.window**2 // 2 + 1, 4).values

    def _windows(self, x: Tensor) -> Tensor:
        """Give the pixels (N, C, H, W, window²) around each pixel; borders are mirrored."""
        before, after = self.window // 2, (self.window - 1) // 2
        for axis in (2, 3):
            x = x.index_select(axis, _mirrored(x.shape[axis], before, after).to(x.device))
        return x.unfold(2, self.window, 1).unfold(3, self.window, 1).flatten(4)


def _mirrored(size: int, before: int, after: int) -> Tensor:
    """Give the places that continue a line of pixels at both ends; the end pixels are repeated."""
    place = torch.arange(-before, size + after) % (2 * size)
    return torch.minimum(place, 2 * size - 1 - place)
