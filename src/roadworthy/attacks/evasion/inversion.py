from dataclasses import dataclass, replace

import torch

from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Transformation


@dataclass(frozen=True)
class Inversion(EvasionAttack):
    """Inversion attack: show the model the image's negative.

    What is dark becomes light and the reverse. A person still sees the same thing; a model that
    leans on brightness does not.

    Threat model: black box with labels, the `Negative` change; targeted or not.
    Cost: one query per sample.
    Source: Hosseini et al. 2017, arXiv:1703.06857.
    """

    steps = 1

    card = Card(
        "inversion", "Inversion attack", aliases=("inversion attack",), paper="arxiv:1703.06857"
    )
    threats = frozenset({"negative"})
    needs = frozenset({Offer.LABELS})

    def step(self, model: Model, state: State, look: Look, threat: Transformation) -> State:
        return replace(state, theta=torch.ones_like(state.theta))
