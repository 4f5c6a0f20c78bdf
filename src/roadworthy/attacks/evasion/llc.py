from dataclasses import dataclass, replace

from roadworthy.attacks.directions import steepest
from roadworthy.attacks.losses import odds_of
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class LLC(EvasionAttack):
    """Least-likely class: one step to the edge of the ball, toward the least likely class.

    An error toward it is a gross one; whatever wrong class comes out counts.

    Threat model: white box, L-inf, fixed budget; it picks the class to aim at.
    Cost: one gradient per sample.
    Source: Kurakin et al. 2016, arXiv:1607.02533, section 2.3; its single step is that of
    arXiv:1611.01236.
    Differs from the paper: the gradient is that of the log-odds, which has the cross-entropy's
    direction but does not vanish.
    """

    steps = 1

    card = Card("llc", "Least-likely class, one step", paper="arxiv:1607.02533")
    threats = frozenset({"linf"})
    needs = frozenset({Offer.GRADIENTS})
    is_targetable = False

    def step(self, model: Model, state: State, look: Look, threat: Ball) -> State:
        gradient = look.gradient(odds_of(look.logits.argmin(1)))
        direction = steepest(gradient, "linf", threat.unit(state.x))
        return replace(state, x=state.origin + threat.eps * direction)
