from dataclasses import dataclass, replace

from roadworthy.attacks.directions import steepest
from roadworthy.attacks.losses import log_odds
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class PGD(EvasionAttack):
    """Projected gradient descent on the cross-entropy, from a random start.

    Steps along the steepest direction of the norm and projects back into the ball, `steps` times.

    Threat model: white box, L-inf or L2, fixed budget; targeted or not.
    Cost: `steps` gradients per sample; a sample that succeeds stops.
    Source: Madry et al. 2017, arXiv:1706.06083, section 2.1.
    Differs from the paper: the gradient is that of the log-odds, which has the cross-entropy's
    direction but does not vanish; a sample leaves at its first success; the L2 start is uniform in
    direction and radius.

    Args:
        steps: gradient steps per sample.
        rel_step: length of a step, as a share of the radius.
    """

    steps: int = 40
    rel_step: float = 0.1

    card = Card("pgd", "Projected gradient descent", aliases=("madry",), paper="arxiv:1706.06083")
    threats = frozenset({"linf", "l2"})
    needs = frozenset({Offer.GRADIENTS})

    def start(self, model: Model, state: State, threat: Ball) -> State:
        shape, unit = state.x.shape[1:], threat.unit(state.x)
        if threat.norm == "linf":
            noise = (2 * state.streams.uniform(shape, state.x.dtype) - 1) * unit
        else:
            radius = state.streams.uniform((1,) * len(shape), state.x.dtype)
            direction = state.streams.normal(shape, state.x.dtype)
            noise = radius * steepest(direction, "l2", unit)
        return replace(state, x=state.origin + threat.eps * noise)

    def step(self, model: Model, state: State, look: Look, threat: Ball) -> State:
        gradient = look.gradient(log_odds(state))
        direction = steepest(gradient, threat.norm, threat.unit(state.x))
        return replace(state, x=state.x + self.rel_step * threat.eps * direction)
