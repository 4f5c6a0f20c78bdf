from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.strategies.ordinal_head import OrdinalHead


@dataclass(frozen=True)
class SORD(OrdinalHead):
    """Soft ordinal labels: a class near the true one is less wrong than one far from it.

    The target is a distribution over the classes, proportional to exp(-sharpness |j - y|^power),
    and the network learns by cross-entropy. Its outputs are logits of the classes as usual, so
    that it goes with trainings that read them.

    Source: Díaz and Marathe 2019, CVPR, doi:10.1109/CVPR.2019.00487.

    Args:
        sharpness: how fast the target falls with the distance; a large one leaves the class alone.
        power: of the distance of two classes: 1 or 2.
    """

    sharpness: float = 1.0
    power: float = 2.0

    card = Card(
        "sord",
        "Soft ordinal labels",
        aliases=("soft-ordinal-labels",),
        paper="doi:10.1109/CVPR.2019.00487",
        safety="retrains",
    )

    def outputs(self, classes: int) -> int:
        return classes
