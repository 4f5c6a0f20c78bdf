from dataclasses import dataclass, replace

from torch import Tensor

from roadworthy.attacks.directions import steepest
from roadworthy.attacks.losses import odds_of
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class ILLCState(State):
    """Where the iteration stands.

    Args:
        target: the class that was least likely at the start, (N,).
    """

    target: Tensor


@dataclass(frozen=True)
class ILLC(EvasionAttack):
    """Iterative least-likely class: small steps toward the class that is least likely at first.

    An error toward it is a gross one; whatever wrong class comes out counts.

    Threat model: white box, L-inf, fixed budget; it picks the class to aim at.
    Cost: `steps` gradients per sample; a sample that succeeds stops.
    Source: Kurakin et al. 2016, arXiv:1607.02533, section 2.3.
    Differs from the paper: the gradient is that of the log-odds, which has the cross-entropy's
    direction but does not vanish; the length of a step is a share of the radius, not one of 256
    levels.

    Args:
        steps: gradient steps per sample.
        rel_step: length of a step, as a share of the radius.
    """

    steps: int = 10
    rel_step: float = 0.2

    card = Card("illc", "Least-likely class, iterated", paper="arxiv:1607.02533")
    threats = frozenset({"linf"})
    needs = frozenset({Offer.GRADIENTS})
    is_targetable = False

    def start(self, model: Model, state: State, threat: Ball) -> State:
        return state.extended(ILLCState, target=state.y)

    def step(self, model: Model, state: ILLCState, look: Look, threat: Ball) -> State:
        target = look.logits.argmin(1) if look.step == 0 else state.target
        direction = steepest(look.gradient(odds_of(target)), "linf", threat.unit(state.x))
        x = state.x + self.rel_step * threat.eps * direction
        return replace(state, x=x, target=target)
