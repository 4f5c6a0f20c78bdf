from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.networks.heads.ranks import Decode
from roadworthy.strategies.ordinal_head import OrdinalHead


@dataclass(frozen=True)
class CORN(OrdinalHead):
    """CORN: ordinal regression by a chain of questions, each about those who passed the one before.

    Rank k asks whether the class is above it, of rows whose class is above rank k - 1 only; what
    the network then says of being above rank k is the product of the answers up to it. So whoever
    is above a rank is above all lower ones, in any state of the weights, and each rank has weights
    of its own, which CORAL has not.

    Source: Shi, Cao and Raschka 2023, Pattern Analysis and Applications 26, arXiv:2111.08851.
    Differs from the paper: the sum over a batch's questions is divided by how many a batch of that
    size has on average, not by how many this one has.

    Args:
        decode: `median` as in the paper, which suits the mean absolute error, or `mode`, which
            suits accuracy.
    """

    decode: Decode = "median"

    card = Card(
        "corn",
        "Conditional ordinal regression",
        aliases=("conditional-ordinal-regression",),
        paper="arxiv:2111.08851",
        fixes=("RW-PERF-006",),
        safety="retrains",
    )

    def outputs(self, classes: int) -> int:
        return classes - 1
