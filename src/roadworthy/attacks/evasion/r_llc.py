from dataclasses import dataclass, replace

from roadworthy.attacks.directions import steepest
from roadworthy.attacks.losses import odds_of
from roadworthy.attacks.patches import random_sign
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class RLLC(EvasionAttack):
    """R+LLC: a random step away from the input, then one toward the least likely class.

    The first step leaves the places where a network trained on single steps hides its gradient.

    Threat model: white box, L-inf, fixed budget; it picks the class to aim at.
    Cost: one gradient per sample.
    Source: Tramèr et al. 2017, arXiv:1705.07204, its randomized single-step attack.
    Differs from the paper: the gradient is that of the log-odds, which has the cross-entropy's
    direction but does not vanish; the least likely class is that of the input after its random
    step, which saves a pass.

    Args:
        alpha: length of the random step, as a share of the radius; the rest is the gradient's.
    """

    alpha: float = 0.5

    steps = 1

    card = Card(
        "r-llc",
        "Least-likely class after a random step",
        aliases=("r+llc",),
        paper="arxiv:1705.07204",
    )
    threats = frozenset({"linf"})
    needs = frozenset({Offer.GRADIENTS})
    is_targetable = False
    expected_failures = {
        "test_it_beats_a_linear_model_just_beyond_the_margin": "half the way goes to chance",
        "test_it_measures_in_units_of_each_feature": "half the way goes to chance",
    }

    def start(self, model: Model, state: State, threat: Ball) -> State:
        sign = random_sign(state.streams, state.x.shape[1:], state.x.dtype)
        return replace(state, x=state.x + self.alpha * threat.eps * sign * threat.unit(state.x))

    def step(self, model: Model, state: State, look: Look, threat: Ball) -> State:
        gradient = look.gradient(odds_of(look.logits.argmin(1)))
        direction = steepest(gradient, "linf", threat.unit(state.x))
        return replace(state, x=state.x + (1 - self.alpha) * threat.eps * direction)
