"""The boundaries between classes, as the linearized model has them."""

from collections.abc import Callable

import torch
from torch import Tensor

from roadworthy.attacks.directions import dual_length, steepest
from roadworthy.core.attack import Look, State
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball


def nearest_boundary(
    state: State, look: Look, threat: Ball, margin: float, candidates: int
) -> Tensor:
    """Give the smallest change (N, …) that crosses a boundary of the linearized model.

    Args:
        state: the samples.
        look: what the model says of them; one gradient is taken per candidate.
        threat: the norm in which it is smallest.
        margin: logits by which it goes beyond the boundary.
        candidates: the most likely wrong classes whose boundaries are compared.
    """
    unit = threat.unit(state.x)
    nearest = torch.full_like(state.sign, float("inf"))
    move = torch.zeros_like(state.x)
    pairs = class_pairs(state, look.logits, candidates)
    for index, (own, other) in enumerate(pairs):  # one gradient per class
        gap = margin_of(own, other)
        slope = look.gradient(gap, again=index + 1 < len(pairs))
        length = dual_length(slope, threat.norm, unit)
        distance = (margin - gap(look.logits)).clamp_min(0) / length.clamp_min(1e-30)
        is_nearer = (distance < nearest) & (length > 0)
        nearest = torch.where(is_nearer, distance, nearest)
        step = per_sample(distance, move) * steepest(slope, threat.norm, unit)
        move = torch.where(per_sample(is_nearer, move), step, move)
    return move


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
