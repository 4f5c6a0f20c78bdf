from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.networks.heads.ranks import Decode
from roadworthy.networks.heads.unimodal import Family
from roadworthy.strategies.ordinal_head import OrdinalHead


@dataclass(frozen=True)
class UnimodalProbabilities(OrdinalHead):
    """Unimodal probabilities: they rise to one class and fall on both sides of it.

    One number becomes the probabilities of a binomial distribution over the classes, or of a
    Poisson distribution cut off at the last class, sharpened by a temperature that is learned.
    No input can make two classes likely and one between them unlikely. Of few classes the binomial
    is the better: the Poisson distribution, cut off, hardly makes the last class but one its mode.

    Source: Beckham and Pal 2017, arXiv:1705.05278.

    Args:
        family: `binomial` or `poisson`.
        decode: `mode` as in the paper, which suits accuracy, or `median`, which suits the mean
            absolute error.
    """

    family: Family = "binomial"
    decode: Decode = "mode"

    card = Card(
        "unimodal",
        "Unimodal probabilities",
        aliases=("unimodal-probabilities",),
        paper="arxiv:1705.05278",
        safety="retrains",
    )

    def outputs(self, classes: int) -> int:
        return 1
