from dataclasses import dataclass, replace

import torch

from roadworthy.attacks.constants import DescentState, begin, descend, first_constant, record
from roadworthy.attacks.directions import in_units
from roadworthy.attacks.losses import lead, toward_nearest
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class CW(EvasionAttack):
    """Carlini and Wagner's L2 attack: the nearest error by a penalty on the model's lead.

    Minimizes |δ|² + c·max(lead, 0) and searches for the smallest c that makes an error.

    Threat model: white box, L2, minimal norm; targeted or not.
    Cost: at most `steps` gradients per sample, fewer where the loss stalls, and nine forward passes
    to shorten and verify.
    Source: Carlini, Wagner 2016, arXiv:1608.04644, section V and VI.A.
    Differs from the paper: the change stays in the box by projection, not by a tanh, which cannot
    move pixels that are exactly 0 or 1; gradient descent with momentum takes Adam's place, as its
    steps shrink with the distance; c starts where a linear model would need it and is searched for
    in proportion, so five rounds do; a round that stalls is over; the first one follows the
    log-odds, which see all classes; κ is 0, as the driver shortens the result to where the model
    just errs.

    Args:
        steps: gradient steps per sample, in all rounds together.
        searches: rounds, each with its own c.
        rate: length of the first steps of a round, as a share of the gradient.
        momentum: share of a step that the next one repeats, in [0, 1).
    """

    steps: int = 500
    searches: int = 5
    rate: float = 0.1
    momentum: float = 0.7

    card = Card(
        "cw",
        "Carlini and Wagner",
        aliases=("cw2", "cwl2", "carlini-wagner", "carliniwagner"),
        paper="arxiv:1608.04644",
    )
    threats = frozenset({"l2"})
    needs = frozenset({Offer.GRADIENTS})
    is_minimal = True
    ends_at_success = False

    def start(self, model: Model, state: State, threat: Ball) -> State:
        return begin(state, DescentState, velocity=torch.zeros_like(state.x))

    def step(self, model: Model, state: DescentState, look: Look, threat: Ball) -> State:
        unit = threat.unit(state.x)
        delta, ahead = in_units(state.x - state.origin, unit), lead(state, look.logits)
        gradient = look.gradient(toward_nearest(state, state.rounds > 0)) * unit
        if look.step == 0:
            state = replace(state, constant=first_constant(ahead, gradient))
        penalty = state.constant * ahead.clamp_min(0)
        state = record(state, ahead < 0, delta.flatten(1).square().sum(1) + penalty)
        pull = per_sample(state.constant * (ahead >= 0), delta) * gradient
        state, delta = descend(state, delta, pull, self)
        return replace(state, x=state.origin + delta * unit)
