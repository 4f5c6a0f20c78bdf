from dataclasses import dataclass

from roadworthy.core.adaptive import Guarded
from roadworthy.core.card import Card
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model
from roadworthy.images.bit_depth import bit_depth


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
        return Guarded(model, bit_depth(self.bits))
