from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.directions import inward
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball

BELOW_GUESS = 0.99  # of two classes, 1/K itself is the boundary, which would never be crossed


@dataclass(frozen=True)
class NewtonFool(EvasionAttack):
    """NewtonFool: Newton steps that bring the probability of the class down to that of a guess.

    A step is as long as the linearized probability takes to fall to 1/K, but no longer than a share
    of the input's own length.

    Threat model: white box, L2, minimal norm; untargeted.
    Cost: at most `steps` gradients per sample, and nine forward passes to shorten and verify.
    Source: Jang et al. 2017, doi:10.1145/3134600.3134635, algorithm 1.
    Differs from the paper: it aims a hundredth below 1/K; a sample stops at its first error; where
    the box stops a feature, the others take its part; the driver shortens the result along the line
    to its origin.

    Args:
        steps: at most so many.
        eta: longest step, as a share of the input's length.
    """

    steps: int = 100
    eta: float = 0.01

    card = Card("newtonfool", "NewtonFool", paper="doi:10.1145/3134600.3134635")
    threats = frozenset({"l2"})
    needs = frozenset({Offer.GRADIENTS})
    is_minimal = True
    is_targetable = False

    def step(self, model: Model, state: State, look: Look, threat: Ball) -> State:
        unit = threat.unit(state.x)

        def probability(logits: Tensor) -> Tensor:
            return logits.softmax(1).gather(1, state.y[:, None])[:, 0]

        slope = inward(-look.gradient(probability), state) * unit
        steepness = slope.flatten(1).norm(dim=1).clamp_min(torch.finfo(slope.dtype).tiny)
        above_guess = probability(look.logits) - BELOW_GUESS / look.logits.shape[1]
        size = torch.where(unit > 0, state.origin / unit, torch.zeros_like(unit)).flatten(1)
        longest = self.eta * size.norm(dim=1) * steepness
        fall = torch.minimum(longest, above_guess.clamp_min(0))
        move = per_sample(fall / steepness, slope) * slope / per_sample(steepness, slope) * unit
        return replace(state, x=state.x + move)
