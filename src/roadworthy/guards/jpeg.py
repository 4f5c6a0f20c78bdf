from dataclasses import dataclass

from roadworthy.core.adaptive import Guarded
from roadworthy.core.card import Card
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model
from roadworthy.images.jpeg import jpeg


@dataclass(frozen=True)
class JPEG(Guard):
    """JPEG compression: inputs are compressed and read back before the model sees them.

    Claims that the round trip removes small changes that a person would not see. It has no useful
    derivative, which is most of what it does against gradient attacks: an attack that takes the
    identity's derivative in its place, or that transfers, gets through.

    Source: Das et al. 2017, arXiv:1705.02900; broken by Athalye et al. 2018, arXiv:1802.00420.

    Args:
        quality: from 1, the most compressed, to 95.
    """

    quality: int = 50

    card = Card(
        "jpeg",
        "JPEG compression",
        aliases=("jpeg-compression",),
        paper="arxiv:1705.02900",
        fixes=("RW-ROB-001",),
        safety="changes predictions",
    )
    kinds = frozenset({"image"})

    def wrap(self, model: Model, learned: Learned) -> Model:
        return Guarded(model, jpeg(self.quality))
