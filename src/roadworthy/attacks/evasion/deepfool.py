from dataclasses import dataclass, replace

from roadworthy.attacks.boundaries import nearest_boundary
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class DeepFool(EvasionAttack):
    """DeepFool: steps to the nearest class boundary of the linearized model until it is crossed.

    Threat model: white box, L2 or L-inf, minimal norm; targeted or not.
    Cost: a few steps, each one forward pass and a gradient per candidate class; then nine forward
    passes to shorten and verify.
    Source: Moosavi-Dezfooli et al. 2015, arXiv:1511.04599, algorithm 2 and section 3.3.
    Differs from the paper: a step aims a margin beyond the boundary in place of an overshoot, so
    that clipping cannot stop it on the boundary; only a few classes are compared; a targeted attack
    looks at the target's boundary alone; the driver shortens the result along the line to its
    origin.

    Args:
        steps: at most so many.
        margin: logits by which a step aims beyond the boundary.
        candidates: the most likely wrong classes whose boundaries are compared.
    """

    steps: int = 50
    margin: float = 1e-4
    candidates: int = 5

    card = Card("deepfool", "DeepFool", paper="arxiv:1511.04599")
    threats = frozenset({"l2", "linf"})
    needs = frozenset({Offer.GRADIENTS})
    is_minimal = True

    def step(self, model: Model, state: State, look: Look, threat: Ball) -> State:
        move = nearest_boundary(state, look, threat, self.margin, self.candidates)
        return replace(state, x=state.x + move)
