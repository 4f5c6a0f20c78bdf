from dataclasses import dataclass

from roadworthy.core.card import Card
from roadworthy.core.dataset import Task
from roadworthy.core.progress import Progress
from roadworthy.networks import Part
from roadworthy.networks.heads.ranks import Decode
from roadworthy.networks.heads.unimodal import Family
from roadworthy.training.plan import TrainPlan
from roadworthy.training.strategy import Strategy


@dataclass(frozen=True)
class UnimodalProbabilities(Strategy):
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
    purpose = "ordinal"
    tasks = frozenset({Task.ORDINAL})

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        settings = {"classes": len(plan.data.classes), "family": self.family, "decode": self.decode}
        return plan.with_head(self.card.name, 1, Part("unimodal", settings))
