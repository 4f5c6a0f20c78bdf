from dataclasses import dataclass

from torch import Tensor

from roadworthy.core.adaptive import Guarded, InputStep
from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model


@dataclass(frozen=True)
class FeatureSqueezing(Guard):
    """Feature squeezing by bit depth: pixels are rounded to few levels before the model sees them.

    Claims that a small change is rounded away. It is, where an attack does not know of the
    rounding. An attack that takes the identity's derivative in its place makes changes that
    survive it. The derivative of the rounding itself is zero, which hides the model's gradients
    and is most of what a test without such an attack would measure.

    Source: Xu, Evans and Qi 2017, arXiv:1704.01155, section III; gone around by the means of
    Athalye et al. 2018, arXiv:1802.00420.

    Args:
        bits: per channel, from 1 (black and white) to 8, which changes no image of bytes.
    """

    bits: int = 4

    card = Card(
        "feature-squeezing",
        "Feature squeezing by bit depth",
        aliases=("FS", "bit-depth", "bit-depth-reduction"),
        paper="arxiv:1704.01155",
        fixes=("RW-ROB-001",),
        safety="changes predictions",
    )
    kinds = frozenset({"image"})

    def wrap(self, model: Model, learned: Learned) -> Model:
        if not 1 <= self.bits <= 8:
            raise InputError(f"feature squeezing keeps 1 to 8 bits per channel, not {self.bits}")
        return Guarded(model, InputStep(f"bits-{self.bits}", self.squeezed))

    def squeezed(self, x: Tensor) -> Tensor:
        """Round images (N, C, H, W) to 2^bits levels from 0 to 1."""
        last = 2**self.bits - 1
        return (x * last).round() / last
