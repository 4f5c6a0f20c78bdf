from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.strategies.ordinal_head import OrdinalHead


@dataclass(frozen=True)
class CDWCE(OrdinalHead):
    """CDW-CE: each wrong class is denied, the more firmly the farther it is.

    The loss is the sum over classes j of -|j - y|^power log(1 - p_j). Outputs are logits of the
    classes as usual, so that it goes with trainings that read them. Nothing asks for the true class
    itself: its neighbors cost little, so that accuracy can suffer where classes are many.

    Source: Polat et al. 2022, arXiv:2202.05167; 2025, arXiv:2412.01246.
    Differs from the paper: log(1 - p) comes from the logits of the other classes, and so is finite
    for any output; there is no margin.

    Args:
        power: of the distance; 1 is that of the mean absolute error; the paper found 5 to 7 best
            for four classes of images.
    """

    power: float = 1.0

    card = Card(
        "cdw-ce",
        "Cross-entropy weighted by class distance",
        aliases=("class-distance-weighted-cross-entropy",),
        paper="arxiv:2202.05167",
        safety="retrains",
    )

    def outputs(self, classes: int) -> int:
        return classes
