from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.networks.heads.ranks import Decode
from roadworthy.strategies.ordinal_head import OrdinalHead


@dataclass(frozen=True)
class ORNN(OrdinalHead):
    """OR-NN: ordinal regression by one question per rank, each with weights of its own.

    Each rank asks whether the class is above it; the answer is how many ranks say yes. Nothing
    keeps the answers in order: a row may be called above a rank and not above a lower one, which
    `rank-consistency` counts. Such probabilities are sorted before classes are made of them, which
    leaves the answer as it is.

    Source: Niu et al. 2016, CVPR, doi:10.1109/CVPR.2016.532; the ranks are those of Li and Lin
    2006, NIPS 19.

    Args:
        importance: of each rank in the loss, one less than there are classes; none weighs alike.
        decode: `median` as in the paper, which suits the mean absolute error, or `mode`, which
            suits accuracy.
    """

    importance: tuple[float, ...] = ()
    decode: Decode = "median"

    card = Card(
        "or-nn",
        "Ordinal regression by independent ranks",
        aliases=("ornn", "or-cnn"),
        paper="doi:10.1109/CVPR.2016.532",
        safety="retrains",
    )

    def outputs(self, classes: int) -> int:
        return classes - 1
