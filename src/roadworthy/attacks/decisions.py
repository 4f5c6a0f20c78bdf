"""Asking a model about many candidates per sample, and walking to where its answer changes."""

import torch
from torch import Tensor

from roadworthy.core.attack import State, margin
from roadworthy.core.errors import InputError
from roadworthy.core.model import Model
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball

AT_ONCE = 256  # candidates that a model is asked about together: more leave a processor's cache
FIRST_HALVINGS = 12  # on the way from the first error to the boundary
TRIES = 40  # random inputs that are looked at to find a first error
TO_BOUNDARY = TRIES + FIRST_HALVINGS  # queries
BRIGHTNESS = (1.0, 4.0, 0.25)  # exponents of uniform noise: even, dark and bright
MIXTURES = (1.0, 0.5, 1.0, 0.75)  # how much of a try is noise; the rest is the original


def leads(model: Model, state: State, candidates: Tensor) -> Tensor:
    """Give by how much the model is ahead at candidates (N, K, …): (N, K), K queries per sample."""
    n, count = candidates.shape[:2]
    with torch.no_grad():
        logits = torch.cat([model(part) for part in candidates.flatten(0, 1).split(AT_ONCE)])
    lead = margin(logits, state.y.repeat_interleave(count))
    return state.sign[:, None] * lead.reshape(n, count)


def are_errors(model: Model, state: State, candidates: Tensor) -> Tensor:
    """Say of candidates (N, K, …) whether the attacker has won there: (N, K) bool."""
    return leads(model, state, candidates) < 0


def boxed(state: State, candidates: Tensor) -> Tensor:
    """Clip candidates (N, K, …) to valid values."""
    return torch.minimum(torch.maximum(candidates, state.low[:, None]), state.high[:, None])


def pick(candidates: Tensor, place: Tensor) -> Tensor:
    """Give one candidate (N, …) of each sample's (N, K, …)."""
    return candidates[torch.arange(len(place), device=place.device), place]


def first_error(model: Model, state: State, threat: Ball) -> tuple[Tensor, Tensor]:
    """Find an error to start from: the guide, else the nearest error among random inputs.

    Takes `TRIES` queries per sample at most.

    Returns:
        (N, …) candidates, and (N,) bool: it is an error.

    Raises:
        InputError: a class is to be reached, and there is no input of it to start from.
    """
    if state.guide is not None:
        tries = state.guide[:, None]
    elif state.is_targeted:
        raise InputError(
            "a search by labels reaches a class from an input of that class: "
            "give it a pool of inputs and classes"
        )
    else:
        tries = _random_inputs(state)
    unit, origin = threat.unit(state.x), state.origin[:, None]
    tries = boxed(state, torch.where(unit > 0, tries, origin))
    is_error = are_errors(model, state, tries)
    units = (tries - origin) / torch.where(unit > 0, unit, 1)
    size = torch.where(is_error, units.flatten(2).norm(dim=2), float("inf"))
    return pick(tries, size.argmin(1)), is_error.any(1)


def first_boundary(model: Model, state: State, threat: Ball) -> tuple[Tensor, Tensor]:
    """Find an error to start from, and go from it to the boundary on the way to the input.

    Takes `TO_BOUNDARY` queries per sample at most.

    Returns:
        (N, …) candidates, and (N,) bool: it is an error.
    """
    x, is_error = first_error(model, state, threat)
    delta = x - state.origin
    high = threat.distance(delta)
    low = torch.zeros_like(high)
    x = nearest_error(model, state, threat, x, delta[:, None], low, high, FIRST_HALVINGS)
    return x, is_error


def _random_inputs(state: State) -> Tensor:
    """Draw inputs (N, TRIES, …); the first is the negative of the original."""
    shape = state.x.shape[1:]
    noise = state.streams.uniform((TRIES, *shape), state.x.dtype)
    number = torch.arange(TRIES, device=noise.device)
    exponents = noise.new_tensor(BRIGHTNESS)[number % len(BRIGHTNESS)]
    mixtures = noise.new_tensor(MIXTURES)[number % len(MIXTURES)]
    low, span = state.low[:, None], (state.high - state.low)[:, None]
    drawn = low + span * noise ** per_sample(exponents, state.x)
    origin = state.origin[:, None]
    mixed = origin + per_sample(mixtures, state.x) * (drawn - origin)
    mixed[:, 0] = state.low + state.high - state.origin
    return mixed


def nearest_error(
    model: Model,
    state: State,
    threat: Ball,
    x: Tensor,
    deltas: Tensor,
    low: Tensor,
    high: Tensor,
    halvings: int,
) -> Tensor:
    """Search for the smallest radius at which one of several changes, cut to it, is an error.

    Takes `halvings` times K queries per sample.

    Args:
        model: is asked.
        state: the samples.
        threat: whose norm cuts the changes.
        x: (N, …) the nearest errors so far.
        deltas: (N, K, …) changes.
        low: (N,) a radius below which nothing is looked for.
        high: (N,) radii of `x`.
        halvings: of the way from `low` to `high`.

    Returns:
        (N, …) the nearest errors; `x` where none is nearer.
    """
    n, count = deltas.shape[:2]
    is_open = torch.ones(n, count, dtype=torch.bool, device=x.device)
    for _ in range(halvings):
        middle = (low + high) / 2
        cut = threat.project(deltas.flatten(0, 1), middle.repeat_interleave(count))
        tries = boxed(state, state.origin[:, None] + cut.reshape(deltas.shape))
        is_error = are_errors(model, state, tries) & is_open
        is_hit = is_error.any(1)
        x = torch.where(per_sample(is_hit, x), pick(tries, is_error.int().argmax(1)), x)
        is_open = torch.where(is_hit[:, None], is_error, is_open)
        low, high = torch.where(is_hit, low, middle), torch.where(is_hit, middle, high)
    return x
