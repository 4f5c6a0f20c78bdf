from dataclasses import dataclass, replace

from roadworthy.attacks.directions import inward, sparse
from roadworthy.attacks.losses import log_odds
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class SparseL1(EvasionAttack):
    """Sparse L1 descent (SLIDE): steps along the few features with the largest slopes.

    The steepest step in L1 moves one feature, which is slow; a step in the gradient's direction
    moves all, and the projection takes most of it back. This one lies between.

    Threat model: white box, L1, fixed budget; targeted or not.
    Cost: `steps` gradients per sample; a sample that succeeds stops.
    Source: Tramèr, Boneh 2019, arXiv:1904.13000, the attack SLIDE.
    Differs from the paper: the gradient is that of the log-odds, which has the cross-entropy's
    direction but does not vanish; the length of a step is a share of the radius.

    Args:
        steps: gradient steps per sample.
        rel_step: length of a step, as a share of the radius.
        quantile: share of the features that a step leaves alone.
    """

    steps: int = 20
    rel_step: float = 0.2
    quantile: float = 0.99

    card = Card(
        "sparse-l1", "Sparse L1 descent", aliases=("sparsel1", "slide"), paper="arxiv:1904.13000"
    )
    threats = frozenset({"l1"})
    needs = frozenset({Offer.GRADIENTS})

    def step(self, model: Model, state: State, look: Look, threat: Ball) -> State:
        # a slope that the box blocks would use up the step
        gradient = inward(look.gradient(log_odds(state)), state)
        direction = sparse(gradient, 1 - self.quantile, threat.unit(state.x))
        return replace(state, x=state.x + self.rel_step * threat.eps * direction)
