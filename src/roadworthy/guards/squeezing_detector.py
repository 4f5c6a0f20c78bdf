from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.detector import Detector
from roadworthy.core.guard import Learned
from roadworthy.core.model import Model
from roadworthy.guards.spatial_smoothing import SpatialSmoothing
from roadworthy.images.bit_depth import squeezed


@dataclass(frozen=True)
class SqueezingDetector(Detector):
    """Detection by feature squeezing: an input is suspicious if its answer changes when squeezed.

    The score is the largest L1 distance, from 0 to 2, between the model's probabilities for the
    input and for the input with fewer bits or with medians. It claims that adversarial answers
    change and right ones do not. An attack that keeps the answers alike gets through. Medians
    change right answers too where images are as small as digits of 8 × 8 pixels.

    Source: Xu, Evans and Qi 2017, arXiv:1704.01155, section V; broken by He et al. 2017,
    arXiv:1706.04701.
    Differs from the paper: no non-local means among the squeezers.

    Args:
        bits: of the squeezed input.
        window: of the medians; of 1 they change nothing.
    """

    bits: int = 4
    window: int = 2

    card = Card(
        "squeezing-detector",
        "Detection by feature squeezing",
        aliases=("FS-detector",),
        paper="arxiv:1704.01155",
    )
    kinds = frozenset({"image"})

    def scores(self, model: Model, learned: Learned, x: Tensor) -> Tensor:
        rounded = squeezed(x, self.bits)
        rounded = x + (rounded - x).detach()  # the identity's derivative takes the rounding's place
        smoothed = SpatialSmoothing(self.window).smoothed(x)
        plain, *others = (model(seen).softmax(1) for seen in (x, rounded, smoothed))
        away = [(plain - other).abs().sum(1) for other in others]
        return torch.stack(away).amax(0)
