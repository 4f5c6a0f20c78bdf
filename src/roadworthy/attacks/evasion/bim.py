from dataclasses import dataclass, replace

from roadworthy.attacks.directions import steepest
from roadworthy.attacks.losses import log_odds
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class BIM(EvasionAttack):
    """Basic iterative method: FGSM in small steps, from the input itself.

    Threat model: white box, L-inf or L2, fixed budget; targeted or not.
    Cost: `steps` gradients per sample; a sample that succeeds stops.
    Source: Kurakin et al. 2016, arXiv:1607.02533, section 2.2; its targeted form, section 2.3.
    Differs from the paper: the gradient is that of the log-odds, which has the cross-entropy's
    direction but does not vanish; in L2 the step is along it instead of its sign; the length of a
    step is a share of the radius, not one of 256 levels.

    Args:
        steps: gradient steps per sample.
        rel_step: length of a step, as a share of the radius.
    """

    steps: int = 10
    rel_step: float = 0.2

    card = Card("bim", "Basic iterative method", aliases=("i-fgsm",), paper="arxiv:1607.02533")
    threats = frozenset({"linf", "l2"})
    needs = frozenset({Offer.GRADIENTS})

    def step(self, model: Model, state: State, look: Look, threat: Ball) -> State:
        gradient = look.gradient(log_odds(state))
        direction = steepest(gradient, threat.norm, threat.unit(state.x))
        return replace(state, x=state.x + self.rel_step * threat.eps * direction)
