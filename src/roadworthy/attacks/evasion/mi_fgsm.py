from dataclasses import dataclass, replace

from roadworthy.attacks.directions import ascent
from roadworthy.attacks.losses import log_odds
from roadworthy.attacks.momentum import MomentumState, at_rest, gather
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class MIFGSM(EvasionAttack):
    """Momentum iterative FGSM: small steps along a running sum of the gradients.

    The sum keeps its direction where single gradients turn, so what it finds on one network more
    often fools another: give the other one as a surrogate.

    Threat model: white box or by transfer, L-inf, L2 or L1, fixed budget; targeted or not.
    Cost: `steps` gradients per sample; a sample that succeeds stops.
    Source: Dong et al. 2017, arXiv:1710.06081, algorithm 1.
    Differs from the paper: the gradient is that of the log-odds, which has the cross-entropy's
    direction but does not vanish; a step is twice as long, which finds more on the same network and
    on others; an L1 step goes along the share of features with the largest
    slopes that the box leaves free.

    Args:
        steps: gradient steps per sample.
        rel_step: length of a step, as a share of the radius; the paper's is 1 / `steps`.
        mu: what stays of the running sum with each step.
        sparsity: share of the features that an L1 step moves.
    """

    steps: int = 10
    rel_step: float = 0.2
    mu: float = 1.0
    sparsity: float = 0.01

    card = Card(
        "mi-fgsm",
        "Momentum iterative FGSM",
        aliases=("u-mi-fgsm", "t-mi-fgsm", "mim"),
        paper="arxiv:1710.06081",
    )
    threats = frozenset({"linf", "l2", "l1"})
    needs = frozenset({Offer.GRADIENTS})

    def start(self, model: Model, state: State, threat: Ball) -> State:
        return at_rest(state)

    def step(self, model: Model, state: MomentumState, look: Look, threat: Ball) -> State:
        gradient = look.gradient(log_odds(state))
        velocity = gather(state.velocity, gradient, self.mu, threat.unit(state.x))
        direction = ascent(velocity, state, threat, self.sparsity)
        x = state.x + self.rel_step * threat.eps * direction
        return replace(state, x=x, velocity=velocity)
