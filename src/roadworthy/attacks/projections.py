import torch
from torch import Tensor

from roadworthy.attacks.directions import in_units
from roadworthy.core.attack import State
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball

NEGLIGIBLE = 1e-10  # slopes, relative to the steepest
NEWTON_STEPS = 12


def onto_l1_and_box(x: Tensor, state: State, threat: Ball) -> Tensor:
    """Give the inputs nearest to candidates (N, …) that are both in the L1 ball and in the box.

    Projecting on one after the other ends well inside the ball: what the box takes back is lost.
    """
    unit = threat.unit(x)
    delta = in_units(x - state.origin, unit).flatten(1)
    room = torch.where(x > state.origin, state.high - state.origin, state.origin - state.low)
    size = delta.abs()
    held = onto_l1_within(
        size, in_units(room, unit).flatten(1), torch.full_like(size[:, 0], threat.eps)
    )
    return state.origin + (held * delta.sign()).reshape(x.shape) * unit


def onto_l1_within(size: Tensor, room: Tensor, radius: Tensor) -> Tensor:
    """Give the sizes (N, D) nearest to `size`, each within its room, of sum at most `radius` (N,).

    Source: Croce, Hein 2021, arXiv:2103.01208, section 2.
    """
    radius = radius[:, None]
    room = torch.minimum(room, size)
    # each size is cut by the same threshold; from the top down, an entry begins to count where the
    # threshold falls below its size, and stops where the box has no more room for it
    marks = torch.cat([size, size - room], 1)
    ends, order = marks.sort(1, descending=True)
    begins = torch.ones_like(size)
    growing = torch.cat([begins, -begins], 1).gather(1, order).cumsum(1)  # entries that count
    gaps = torch.cat([ends[:, :1] * 0, ends[:, :-1] - ends[:, 1:]], 1)
    before = torch.cat([growing[:, :1] * 0, growing[:, :-1]], 1)
    length = (before * gaps).cumsum(1)  # of the result, with the threshold at each mark
    last = ((length <= radius).sum(1, keepdim=True) - 1).clamp_min(0)
    left = radius - length.gather(1, last)
    threshold = ends.gather(1, last) - left / growing.gather(1, last).clamp_min(1)
    held = torch.minimum((size - threshold.clamp_min(0)).clamp_min(0), room)
    # the sums round: what is left beyond the radius is taken off in proportion
    return held * (radius / held.sum(1, keepdim=True).clamp_min(1e-30)).clamp_max(1)


def to_hyperplane(gradient: Tensor, gain: Tensor, x: Tensor, state: State, threat: Ball) -> Tensor:
    """Give the shortest change of inputs (N, …) within the box that changes a linear function so.

    Where the box does not let it change by as much, it goes as far as it can. L-inf, L2 and L1.
    Source: Croce, Hein 2019, arXiv:1907.02044, section 2.1.

    Args:
        gradient: of the function, (N, …).
        gain: by how much the function is to change, (N,).
        x: where to start, (N, …).
        state: gives the box.
        threat: gives the norm and the units.
    """
    unit = threat.unit(x)
    scaled = (gradient * unit).flatten(1) * gain.sign()[:, None]
    upward = per_sample(gain, x) * gradient > 0
    slope = scaled.abs()
    # relative to the steepest entry, so that nothing under- or overflows
    steepest = slope.amax(1, keepdim=True).clamp_min(torch.finfo(x.dtype).tiny)
    slope, need = slope / steepest, (gain.abs()[:, None] / steepest).clamp_max(1e12)
    slope = slope * (slope > NEGLIGIBLE)
    room = torch.where(upward, state.high - x, x - state.low).clamp_min(0)
    room = in_units(room, unit).flatten(1)
    # no entry goes farther than it would alone; one without slope does not go at all
    room = torch.where(slope > 0, torch.minimum(room, need / slope), 0)
    if threat.norm == "l1":
        length = _steepest_first(slope, room, need)
    else:
        speed = (slope > 0).to(slope.dtype) if threat.norm == "linf" else slope
        length = _all_at_once(slope, room, need, speed)
    return (length * scaled.sign()).reshape(x.shape) * unit


def _steepest_first(slope: Tensor, room: Tensor, need: Tensor) -> Tensor:
    """Give each entry's change (N, D): the steepest ones go as far as the box allows."""
    order = slope.argsort(dim=1, descending=True, stable=True)
    slope, room = slope.gather(1, order), room.gather(1, order)
    full = slope * room
    left = (need - (full.cumsum(1) - full)).clamp_min(0)
    length = torch.where(slope > 0, torch.minimum(room, left / slope), 0)
    return torch.zeros_like(length).scatter(1, order, length)


def _all_at_once(slope: Tensor, room: Tensor, need: Tensor, speed: Tensor) -> Tensor:
    """Give each entry's change (N, D) when all move for the same time, each until its room ends.

    What they gain is a concave function of the time, made of straight pieces: Newton's method comes
    to the time from below, and ends when it meets the right piece.
    """
    time, length = torch.zeros_like(need), torch.zeros_like(room)
    for _ in range(NEWTON_STEPS):
        moving = slope * speed * (length < room)
        missing = need - (slope * length).sum(1, keepdim=True)
        missing = missing * (missing > 1e-6 * need)
        if not missing.any():
            break
        time = time + missing / moving.sum(1, keepdim=True).clamp_min(1e-20)
        length = torch.minimum(time.clamp_max(1e15) * speed, room)
    return length
