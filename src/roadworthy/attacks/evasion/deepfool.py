from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.directions import dual_length, steepest
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
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
        unit = threat.unit(state.x)
        nearest = torch.full_like(state.sign, float("inf"))
        move = torch.zeros_like(state.x)
        pairs = class_pairs(state, look.logits, self.candidates)
        for index, (own, other) in enumerate(pairs):  # one gradient per class
            gap = margin_of(own, other)
            slope = look.gradient(gap, again=index + 1 < len(pairs))
            length = dual_length(slope, threat.norm, unit)
            distance = (self.margin - gap(look.logits)).clamp_min(0) / length.clamp_min(1e-30)
            is_nearer = (distance < nearest) & (length > 0)
            nearest = torch.where(is_nearer, distance, nearest)
            step = per_sample(distance, move) * steepest(slope, threat.norm, unit)
            move = torch.where(per_sample(is_nearer, move), step, move)
        return replace(state, x=state.x + move)


def class_pairs(state: State, logits: Tensor, candidates: int) -> list[tuple[Tensor, Tensor]]:
    """List pairs of classes (N,), (N,): the one that leads, and one that is to overtake it."""
    others = logits.scatter(1, state.y[:, None], float("-inf"))
    if state.is_targeted:
        return [(others.argmax(1), state.y)]
    best = others.topk(min(candidates, logits.shape[1] - 1), dim=1).indices
    return [(state.y, other) for other in best.unbind(1)]


def margin_of(own: Tensor, other: Tensor) -> Callable[[Tensor], Tensor]:
    """Give the lead of one class (N,) over another, logits (N, K) to (N,)."""

    def gap(logits: Tensor) -> Tensor:
        both = logits.gather(1, torch.stack([other, own], 1))
        return both[:, 0] - both[:, 1]

    return gap
