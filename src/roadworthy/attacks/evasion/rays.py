from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.losses import lead
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class RaySState(State):
    """Where the search stands.

    Args:
        best: signs of the best direction, (N, D).
        tried: signs of the direction that is looked at, (N, D).
        radius: at which the best direction is an error, (N,).
        near: a radius at which the tried direction is none, (N,).
        far: a radius at which the tried direction is one, (N,).
        is_searching: the radius of the tried direction is being searched for, (N,) bool.
        level: into how many halves of halves the features are parted, (N,).
        block: which part is next, (N,).
    """

    best: Tensor
    tried: Tensor
    radius: Tensor
    near: Tensor
    far: Tensor
    is_searching: Tensor
    level: Tensor
    block: Tensor


@dataclass(frozen=True)
class RayS(EvasionAttack):
    """RayS: a search over the corners of a cube for the direction in which an error is nearest.

    Flips the sign of ever smaller blocks of features; a flip is kept where the model still errs at
    the old radius, and only then is its own radius searched for.

    Threat model: black box with labels, L-inf, minimal norm; untargeted.
    Cost: `steps` queries per sample, and nine to shorten and verify.
    Source: Chen, Gu 2020, arXiv:2006.12792, algorithm 3.
    Differs from the paper: the tolerance of a radius is relative; blocks too small for the input
    begin again from its halves; the driver shortens the result along the line to its origin.

    Args:
        steps: queries per sample.
        tolerance: of a radius, as a share of it.
    """

    steps: int = 2000
    tolerance: float = 0.005

    card = Card("rays", "Ray searching attack", aliases=("RayS",), paper="arxiv:2006.12792")
    threats = frozenset({"linf"})
    needs = frozenset({Offer.LABELS})
    is_minimal = True
    ends_at_success = False
    is_targetable = False

    def start(self, model: Model, state: State, threat: Ball) -> State:
        signs = torch.ones_like(state.x).flatten(1)
        reach = torch.maximum(state.high - state.origin, state.origin - state.low)
        unit = threat.unit(state.x)
        farthest = torch.where(unit > 0, reach / unit, 0).flatten(1).amax(1)
        whole = torch.zeros_like(state.y)
        state = state.extended(
            RaySState,
            best=signs,
            tried=signs,
            radius=farthest,
            near=torch.zeros_like(farthest),
            far=farthest,
            is_searching=torch.zeros_like(whole, dtype=torch.bool),
            level=whole,
            block=whole,
        )
        return _at(state, signs, farthest, threat)

    def step(self, model: Model, state: RaySState, look: Look, threat: Ball) -> State:
        is_error = lead(state, look.logits) < 0
        middle = (state.near + state.far) / 2
        looked = torch.where(state.is_searching, middle, state.radius)
        near = torch.where(state.is_searching & ~is_error, middle, state.near)
        far = torch.where(is_error, looked, state.far)
        goes_on = is_error | state.is_searching
        is_wide = far - near > self.tolerance * far
        is_found = goes_on & ~is_wide
        state = replace(
            state,
            best=torch.where(is_found[:, None], state.tried, state.best),
            radius=torch.where(is_found, far, state.radius),
            is_searching=goes_on & is_wide,
        )
        state, flipped = _next_flip(state)
        is_searching = state.is_searching
        tried = torch.where(is_searching[:, None], state.tried, flipped)
        near = torch.where(is_searching, near, 0)
        far = torch.where(is_searching, far, state.radius)
        radius = torch.where(is_searching, (near + far) / 2, state.radius)
        return _at(replace(state, near=near, far=far), tried, radius, threat)


def _next_flip(state: RaySState) -> tuple[RaySState, Tensor]:
    """Flip the next block of the best direction where no radius is being searched for."""
    size = state.best.shape[1]
    parts = 2**state.level
    place = torch.arange(size, device=parts.device)
    # block b of 2^level holds the features from b/2^level to (b+1)/2^level of all
    is_inside = place * parts[:, None] // size == state.block[:, None]
    flipped = torch.where(is_inside, -state.best, state.best)
    is_last = state.block + 1 >= parts
    is_finest = parts >= size
    level = torch.where(is_last, torch.where(is_finest, 0, state.level + 1), state.level)
    block = torch.where(is_last, 0, state.block + 1)
    moves = ~state.is_searching
    state = replace(
        state,
        level=torch.where(moves, level, state.level),
        block=torch.where(moves, block, state.block),
    )
    return state, flipped


def _at(state: RaySState, tried: Tensor, radius: Tensor, threat: Ball) -> RaySState:
    ray = tried.reshape(state.x.shape) * threat.unit(state.x)
    return replace(state, tried=tried, x=state.origin + per_sample(radius, state.x) * ray)
