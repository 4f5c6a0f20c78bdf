from dataclasses import dataclass

from torch import Tensor

from roadworthy.attacks.evasion.pgd import PGD
from roadworthy.core.attack import Composite, EvasionAttack, Part
from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.model import Model
from roadworthy.core.threat import Threat

BASE = PGD()


@dataclass(frozen=True)
class MaxConfidence(Composite):
    """Maximum confidence: aim at each wrong class in turn and keep the surest error.

    A model that refuses to answer when it is unsure is judged by errors that it is sure of. With a
    perfect search for each class, no threshold above one half would do worse than this finds.

    Threat model: that of the attack it uses, white box by default, fixed budget; any wrong class.
    Cost: the attack's own, once for each wrong class, without an early stop.
    Source: Goodfellow, Qin, Berthelot 2018, openreview:H1g0piA9tQ.
    Differs from the paper: the surest error is the one whose class leads by the most logits.

    Args:
        base: the attack that is told which class to reach.
    """

    base: EvasionAttack = BASE

    card = Card(
        "max-confidence", "Maximum confidence", aliases=("maxconf",), paper="openreview:H1g0piA9tQ"
    )
    threats = PGD.threats
    needs = PGD.needs
    is_targetable = False
    keeps_best = True

    def parts(self, model: Model, y: Tensor, threat: Threat) -> tuple[Part, ...]:
        if self.base.is_minimal:
            name = self.base.card.name
            raise InputError(f"max-confidence needs an attack of a fixed budget: {name} has none")
        classes = model.spec.outputs
        return tuple(Part(self.base, (y + shift) % classes) for shift in range(1, classes))
