from dataclasses import dataclass

from roadworthy.core.adaptive import Guarded
from roadworthy.core.card import Card
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model
from roadworthy.images.total_variation import total_variation


@dataclass(frozen=True)
class TotalVariation(Guard):
    """Total variation minimization: random pixels are dropped and filled in smoothly.

    Each pixel is dropped with probability `drop`. The image is replaced by the smoothest one that
    is near to the pixels that are left. It claims that this takes away a small change, and that
    chance hides from an attacker which pixels count. An attack that takes the identity's derivative
    in its place and averages over the draws gets through.

    Source: Guo et al. 2017, arXiv:1711.00117, section 4; broken by Athalye et al. 2018,
    arXiv:1802.00420.
    Differs from the paper: the same problem is solved by a primal-dual method (Chambolle and Pock
    2011, doi:10.1007/s10851-010-0251-1), all images at a time, not by split Bregman; the model is
    not trained again on such images (`eit-training` with `steps=tv` does that).

    Args:
        drop: probability that a pixel is dropped, in all channels.
        weight: of the total variation; the paper's λ.
        steps: of the solver.
    """

    drop: float = 0.5
    weight: float = 0.03
    steps: int = 100

    card = Card(
        "total-variation",
        "Total variation minimization",
        aliases=("TVM", "tv-min"),
        paper="arxiv:1711.00117",
        fixes=("RW-ROB-001",),
        safety="changes predictions",
    )
    kinds = frozenset({"image"})

    def wrap(self, model: Model, learned: Learned) -> Model:
        return Guarded(model, total_variation(self.drop, self.weight, self.steps))
