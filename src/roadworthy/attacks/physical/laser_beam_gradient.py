from dataclasses import dataclass, replace

from roadworthy.attacks.losses import log_odds
from roadworthy.attacks.parameters import by_theta, drawn, strongest
from roadworthy.attacks.schedules import cosine
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Transformation


@dataclass(frozen=True)
class LaserBeamGradient(EvasionAttack):
    """Laser beam by gradient: moves a beam the way the model's own derivatives say.

    A beam of light is smooth in all of its properties, so the gradient by the pixels carries over
    to them. Several random beams are tried one after the other, each at its strongest at first.

    Threat model: white box, laser-beam, fixed budget; targeted or not.
    Cost: `steps` gradients per sample; a sample that succeeds stops.
    Source: the beam is that of Duan et al. 2021, arXiv:2103.06504, who search without gradients.
    Differs from the paper: it is their threat model, but not their search.

    Args:
        steps: gradient steps per sample, over all beams.
        restarts: beams that are tried, one after the other.
        rel_step: length of a beam's first step, as a share of each property's range; it ends at a
            tenth of it.
    """

    steps: int = 100
    restarts: int = 10
    rel_step: float = 0.2

    card = Card("laser-beam-gradient", "Laser beam by gradient", paper="arxiv:2103.06504")
    threats = frozenset({"laser-beam"})
    needs = frozenset({Offer.GRADIENTS})
    takes_images_only = True

    def start(self, model: Model, state: State, threat: Transformation) -> State:
        return self._afresh(state, threat)

    def step(self, model: Model, state: State, look: Look, threat: Transformation) -> State:
        each = max(1, self.steps // self.restarts)
        if look.step > 0 and look.step % each == 0:
            return self._afresh(state, threat)
        slope = by_theta(look.gradient(log_odds(state)), state, threat)
        low, high = threat.reach(state.origin)
        length = cosine(self.rel_step, self.rel_step / 10, look.step % each, each)
        return replace(state, theta=state.theta + length * (high - low) * slope.sign())

    def _afresh(self, state: State, threat: Transformation) -> State:
        theta = drawn(state, threat, 1)[:, 0]
        return replace(state, theta=strongest(theta, state, threat))
