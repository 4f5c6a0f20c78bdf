from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.networks.heads.cumulative_link import Link
from roadworthy.networks.heads.ranks import Decode
from roadworthy.strategies.ordinal_head import OrdinalHead


@dataclass(frozen=True)
class CumulativeLinkModel(OrdinalHead):
    """Cumulative link model: one score with noise, and thresholds that rise by construction.

    The class is above the thresholds that the score passes when noise is added to it: logistic
    noise makes the proportional odds model, normal noise the ordered probit. The network learns by
    the likelihood of the class. It learns the least threshold and the gaps above it, so that
    thresholds never cross; they start where each class has its share.

    Source: McCullagh 1980, J. R. Stat. Soc. B 42, doi:10.1111/j.2517-6161.1980.tb01109.x; with
    networks Vargas, Gutiérrez and Hervás-Martínez 2020, doi:10.1016/j.neucom.2020.03.034.
    Differs from the paper: the answer is the median; `decode` gives the most likely class, theirs.

    Args:
        link: `logit` or `probit`: what the noise is.
        decode: `median`, which suits the mean absolute error, or `mode`, which suits accuracy.
    """

    link: Link = "logit"
    decode: Decode = "median"

    card = Card(
        "cumulative-link",
        "Cumulative link model",
        aliases=("clm", "proportional-odds"),
        paper="doi:10.1016/j.neucom.2020.03.034",
        fixes=("RW-PERF-006",),
        safety="retrains",
    )

    def outputs(self, classes: int) -> int:
        return 1
