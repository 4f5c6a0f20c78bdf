from dataclasses import dataclass

from roadworthy.attacks.losses import log_odds
from roadworthy.attacks.momentum import NesterovState, at_rest_ahead, gather, step_ahead
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class NIFGSM(EvasionAttack):
    """Nesterov iterative FGSM: momentum that looks ahead before it takes a gradient.

    Looking where the momentum will lead keeps it from overshooting into a corner that suits only
    one network, so errors found on a surrogate more often carry over.

    Threat model: white box or by transfer, L-inf, fixed budget; targeted or not.
    Cost: `steps` gradients per sample; a sample that succeeds stops.
    Source: Lin et al. 2019, arXiv:1908.06281, the attack NI-FGSM.
    Differs from the paper: the gradient is that of the log-odds, which has the cross-entropy's
    direction but does not vanish; a step is twice as long, which finds more on the same network and
    on others; where it looks ahead is held to the ball and the box.

    Args:
        steps: gradient steps per sample.
        rel_step: length of a step, as a share of the radius; the paper's is 1 / `steps`.
        mu: what stays of the running sum with each step.
    """

    steps: int = 10
    rel_step: float = 0.2
    mu: float = 1.0

    card = Card("ni-fgsm", "Nesterov iterative FGSM", paper="arxiv:1908.06281")
    threats = frozenset({"linf"})
    needs = frozenset({Offer.GRADIENTS})

    def start(self, model: Model, state: State, threat: Ball) -> State:
        return at_rest_ahead(state)

    def step(self, model: Model, state: NesterovState, look: Look, threat: Ball) -> State:
        unit, is_last = threat.unit(state.x), look.step == self.steps - 1
        gradient = look.gradient(log_odds(state))
        velocity = gather(state.velocity, gradient, self.mu, unit)
        return step_ahead(state, velocity, self.rel_step * threat.eps, self.mu, unit, is_last)
