from dataclasses import dataclass, replace

from roadworthy.attacks.directions import farthest_l1, steepest
from roadworthy.attacks.losses import log_odds
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class FGSM(EvasionAttack):
    """Fast gradient sign method: one step to the edge of the ball.

    It is weak; it serves as a control, since an iterative attack that finds less has failed.

    Threat model: white box, L-inf, L2 or L1, fixed budget; targeted or not.
    Cost: one gradient per sample.
    Source: Goodfellow et al. 2014, arXiv:1412.6572, section 4.
    Differs from the paper: the gradient is that of the log-odds, which has the cross-entropy's
    direction but does not vanish; in L2 the step is along it instead of its sign, in L1 it
    takes the features in the order of their slopes, each to the end of the box; a targeted attack
    raises the target's odds, as in arXiv:1607.02533, section 2.3.
    """

    steps = 1

    card = Card("fgsm", "Fast gradient sign method", aliases=("fgm",), paper="arxiv:1412.6572")
    threats = frozenset({"linf", "l2", "l1"})
    needs = frozenset({Offer.GRADIENTS})

    def step(self, model: Model, state: State, look: Look, threat: Ball) -> State:
        gradient = look.gradient(log_odds(state))
        if threat.norm == "l1":
            return replace(state, x=state.origin + farthest_l1(gradient, state, threat))
        direction = steepest(gradient, threat.norm, threat.unit(state.x))
        return replace(state, x=state.origin + threat.eps * direction)
