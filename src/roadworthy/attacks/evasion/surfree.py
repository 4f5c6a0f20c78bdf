import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.decisions import TO_BOUNDARY, first_boundary
from roadworthy.attacks.directions import in_units
from roadworthy.attacks.losses import lead
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball

RIGHT_ANGLE = math.pi / 2  # where the circle is back at the input
FAINT = 0.01  # weight of a frequency that the image lacks: a blank one has directions too


@dataclass(frozen=True)
class SurFreeState(State):
    """Where the search stands.

    Args:
        nearest: the nearest error, (N, …).
        direction: at a right angle to it, of length one unit, (N, D).
        memory: the last directions, at right angles to each other, (N, M, D).
        count: how many directions there were, (N,).
        largest: the angle that is tried first, (N,).
        side: 1 where the angle is toward the direction, -1 where it is away from it, (N,).
        angle: which is looked at, (N,).
        reached: the largest angle known to be an error, 0 where none is, (N,).
        missed: the smallest angle beyond it known to be none, (N,).
    """

    nearest: Tensor
    direction: Tensor
    memory: Tensor
    count: Tensor
    largest: Tensor
    side: Tensor
    angle: Tensor
    reached: Tensor
    missed: Tensor


@dataclass(frozen=True)
class SurFree(EvasionAttack):
    """SurFree: turns around the input in random planes, without an estimate of any gradient.

    Stands on the decision boundary and draws a direction at a right angle to the change so far. On
    the circle through the boundary point that has the way to the input as its diameter, a flat
    boundary has its nearest point of that plane exactly where the errors end: a search finds it.

    Threat model: black box with labels, L2, minimal norm; targeted or not. It starts from another
    input where a pool was given, which a targeted attack needs, else from random inputs.
    Cost: `steps` queries per sample, and 63 to start, shorten and verify.
    Source: Maho, Furon, Le Merrer 2020, arXiv:2011.12807.
    Differs from the paper: one angle is tried to either side, not several; the search begins on the
    first side that errs, and its tolerance is relative to the distance; the angle tried first never
    grows beyond its first value; directions are also at a right angle to a change that the box
    clipped, and fewer than half of those there are stay in memory, so that chance goes on; the
    numbers drawn for an image's frequencies are triangular, and those it lacks have a small weight.

    Args:
        steps: queries per sample.
        first_angle: that is tried in the first plane, in degrees, 45 at most.
        adaptation: by what the angle shrinks where neither side errs, and grows where one does.
        tolerance: of the search on a circle, as a share of the distance.
        memory: how many of the last directions a new one is at a right angle to.
        frequencies: share of an image's cosines, the lowest ones, that directions are made of.
    """

    steps: int = 2000
    first_angle: float = 30.0
    adaptation: float = 0.95
    tolerance: float = 0.01
    memory: int = 100
    frequencies: float = 0.5

    card = Card("surfree", "SurFree", paper="arxiv:2011.12807")
    threats = frozenset({"l2"})
    needs = frozenset({Offer.LABELS})
    is_minimal = True
    ends_at_success = False

    def passes_ahead(self, step: int) -> int:
        return 1 + TO_BOUNDARY * (step == 0)

    def start(self, model: Model, state: State, threat: Ball) -> State:
        x, is_error = first_boundary(model, state, threat)
        free = min(math.prod(self._drawn(x)), int((threat.unit(x) > 0).sum()))
        remembered = min(self.memory, max(0, free - 1) // 2)
        flat, zeros = x.flatten(1), torch.zeros_like(state.sign)
        extended = state.extended(
            SurFreeState,
            nearest=x,
            direction=torch.zeros_like(flat),
            memory=flat.new_zeros(len(x), remembered, flat.shape[1]),
            count=torch.zeros_like(state.y),
            largest=zeros + math.radians(self.first_angle),
            side=zeros + 1,
            # as after a search that is over: the first step draws a direction
            angle=zeros,
            reached=zeros,
            missed=zeros,
        )
        return replace(extended, x=x, finished=~is_error)

    def step(self, model: Model, state: SurFreeState, look: Look, threat: Ball) -> State:
        is_error = lead(state, look.logits) < 0
        is_beyond = ~is_error & (state.reached > 0)
        reached = torch.where(is_error, state.angle, state.reached)
        missed = torch.where(is_beyond, state.angle, state.missed)
        # on the circle the distance goes with the angle's cosine
        is_found = reached.cos() - missed.cos() <= self.tolerance * reached.cos()
        is_vain = (reached == 0) & (state.side < 0) & ~is_found
        is_over = is_found | is_vain
        nearest = _on_circle(state, reached, threat)
        largest = torch.where(is_vain, state.largest * self.adaptation, state.largest)
        largest = torch.where(is_found, largest / self.adaptation, largest)
        largest = largest.clamp_max(math.radians(self.first_angle))
        state = replace(
            state,
            nearest=torch.where(per_sample(is_found, nearest), nearest, state.nearest),
            largest=largest,
            side=torch.where(is_over, 1, torch.where(reached > 0, state.side, -1)),
            reached=torch.where(is_over, 0, reached),
            missed=torch.where(is_over, RIGHT_ANGLE, missed),
        )
        # all samples draw, so that a sample's numbers do not depend on who else turns
        noise = state.streams.bell(self._drawn(state.x), state.x.dtype)
        state = _turned(state, is_over.nonzero()[:, 0], noise, threat)
        angle = torch.minimum(state.reached + largest, (state.reached + state.missed) / 2)
        return replace(state, angle=angle, x=_on_circle(state, angle, threat))

    def _drawn(self, x: Tensor) -> tuple[int, ...]:
        """Give the shape of the numbers that make one direction: of an image, (C, frequencies)."""
        if x.ndim < 4:
            return x.shape[1:]
        return x.shape[1], max(1, round(self.frequencies * x[0, 0].numel()))


def _on_circle(state: SurFreeState, angle: Tensor, threat: Ball) -> Tensor:
    """Give the points (N, …) at angles (N,) from the nearest errors, as seen from the inputs."""
    unit, cosine = threat.unit(state.x), angle.cos()[:, None]
    units = in_units(state.nearest - state.origin, unit).flatten(1)
    across = (state.side * angle.sin())[:, None] * units.norm(dim=1, keepdim=True)
    turned = cosine * (cosine * units + across * state.direction)
    return state.box(state.origin + turned.reshape(state.x.shape) * unit)


def _turned(state: SurFreeState, rows: Tensor, noise: Tensor, threat: Ball) -> SurFreeState:
    """Give some samples a new direction, made of noise, at a right angle to the last ones."""
    if not len(rows):
        return state
    unit, memory = threat.unit(state.x), state.memory[rows]
    noise = noise[rows]
    if state.x.ndim == 4:
        span = (state.high - state.low).clamp_min(torch.finfo(noise.dtype).tiny)
        noise = _low_frequencies(noise, ((state.origin - state.low) / span)[rows])
    units = in_units(state.nearest - state.origin, unit)[rows]
    pair = torch.stack([units.flatten(1), (noise * (unit > 0)).flatten(1)], 1)
    for _ in range(2):  # again, as the change may lie among the directions up to rounding
        pair = _unit_length(pair - (pair @ memory.mT) @ memory)
    axis, free = pair.unbind(1)
    new = _unit_length(free - (free * axis).sum(1, keepdim=True) * axis)
    if memory.shape[1]:
        # in place: a copy of all directions at each query would take longer than most models
        state.memory[rows, state.count[rows] % memory.shape[1]] = new
    return replace(
        state,
        direction=state.direction.index_copy(0, rows, new),
        count=state.count.index_add(0, rows, torch.ones_like(rows)),
    )


def _low_frequencies(noise: Tensor, images: Tensor) -> Tensor:
    """Make images (N, C, H, W) of noise (N, C, K) as their K lowest frequencies.

    Each is weighted by how much of it other images have: by the tanh of their coefficients.
    """
    height, width = images.shape[2:]
    rows, columns = _cosines(height, noise), _cosines(width, noise)
    order = torch.arange(height)[:, None] / height + torch.arange(width) / width
    lowest = order.flatten().argsort(stable=True)[: noise.shape[2]].to(noise.device)
    present = (rows @ images @ columns.T).flatten(2)[:, :, lowest].abs().tanh()
    spectrum = torch.zeros_like(images).flatten(2)
    spectrum[:, :, lowest] = noise * (present + FAINT)
    return rows.T @ spectrum.reshape(images.shape) @ columns


def _cosines(size: int, like: Tensor) -> Tensor:
    """Give the orthonormal cosine transform (size, size), a frequency per row."""
    place = torch.arange(size, dtype=like.dtype, device=like.device)
    table = (place[:, None] * (place + 0.5) * (math.pi / size)).cos() * math.sqrt(2 / size)
    table[0] = 1 / math.sqrt(size)
    return table


def _unit_length(rows: Tensor) -> Tensor:
    length: Tensor = rows.norm(dim=-1, keepdim=True)
    return rows / length.clamp_min(torch.finfo(rows.dtype).tiny)
