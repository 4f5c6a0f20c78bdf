from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.networks.heads.ranks import Decode
from roadworthy.strategies.ordinal_head import OrdinalHead


@dataclass(frozen=True)
class CORAL(OrdinalHead):
    """CORAL: ordinal regression by one score and a threshold per rank.

    Each rank asks whether the class is above it; all share the weights of one score, so that at the
    least loss the answers agree: whoever is above a rank is above all lower ones. It helps most
    where rows are few, and assumes that one direction in the embedding orders the classes.

    Source: Cao, Mirjalili and Raschka 2020, Pattern Recognition Letters 140, arXiv:1901.07884.
    Differs from the paper: the thresholds start where they are best before anything is known of a
    row, which its least loss does not depend on and which takes fewer steps to reach.
    Where the thresholds are out of order, as they can be before the training has come to its end,
    the probabilities are sorted before classes are made of them, which leaves the answer as it is.

    Args:
        importance: of each rank in the loss, one less than there are classes; none weighs alike.
        decode: `median` as in the paper, which suits the mean absolute error, or `mode`, which
            suits accuracy.
    """

    importance: tuple[float, ...] = ()
    decode: Decode = "median"

    card = Card(
        "coral",
        "Consistent rank logits",
        aliases=("consistent-rank-logits",),
        paper="arxiv:1901.07884",
        safety="retrains",
    )

    def outputs(self, classes: int) -> int:
        return 1
