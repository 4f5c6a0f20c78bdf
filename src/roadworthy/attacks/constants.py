"""The search for the constant c that weighs an error of the model against the change's size."""

from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from roadworthy.attacks.schedules import cosine_each
from roadworthy.core.attack import State
from roadworthy.core.shapes import per_sample

GROWTH = 10.0  # of c while no bound on its other side is known
CHECKS = 5  # of a round, for whether its loss still falls
LEAST_GAIN = 1e-3  # relative; below it a round is over

C = TypeVar("C", bound="ConstantState")
D = TypeVar("D", bound="DescentState")


class Descent(Protocol):
    """The settings of an attack that descends on a penalty."""

    steps: int
    searches: int
    rate: float
    momentum: float


@dataclass(frozen=True)
class ConstantState(State):
    """Where the search stands; a sample goes from round to round at its own pace.

    Args:
        constant: c of this round, (N,).
        least: the largest c that did not make an error, 0 without one, (N,).
        most: the smallest c that did, infinite without one, (N,).
        is_beaten: this round made an error, (N,).
        age: steps made in this round, (N,).
        rounds: rounds that are over, (N,).
        loss: the least in this round, (N,).
        mark: the least at the last check, (N,).
    """

    constant: Tensor
    least: Tensor
    most: Tensor
    is_beaten: Tensor
    age: Tensor
    rounds: Tensor
    loss: Tensor
    mark: Tensor


@dataclass(frozen=True)
class DescentState(ConstantState):
    """Where gradient descent stands, too.

    Args:
        velocity: running sum of the steps, in units, (N, …).
    """

    velocity: Tensor


def begin(state: State, kind: type[C], **more: Any) -> C:
    """Make the state of a search, in which `constant` has yet to be set."""
    zeros, count = torch.zeros_like(state.sign), torch.zeros_like(state.y)
    return state.extended(
        kind,
        constant=zeros,
        least=zeros,
        most=zeros + float("inf"),
        is_beaten=zeros.bool(),
        age=count,
        rounds=count,
        loss=zeros + float("inf"),
        mark=zeros + float("inf"),
        **more,
    )


def first_constant(ahead: Tensor, gradient: Tensor) -> Tensor:
    """Give the c (N,) from which on a linear model errs at the minimum; 1 without a gradient."""
    steep = gradient.flatten(1).square().sum(1)
    return torch.where(steep > 0, 2 * ahead / steep.clamp_min(torch.finfo(steep.dtype).tiny), 1)


def record(state: C, is_error: Tensor, loss: Tensor) -> C:
    """Take in what a candidate showed: whether the model erred, and the loss (N,)."""
    return replace(
        state,
        age=state.age + 1,
        is_beaten=state.is_beaten | is_error,
        loss=torch.minimum(state.loss, loss),
    )


def turn(state: C, searches: int, length: int) -> tuple[C, Tensor]:
    """End the rounds that took their steps or whose loss stalls; say which samples' ended (N,)."""
    is_check = state.age % max(1, length // CHECKS) == 0
    has_stalled = is_check & (state.loss > state.mark * (1 - LEAST_GAIN))
    is_over = (state.age >= length) | has_stalled
    mark = torch.where(is_check, state.loss, state.mark)
    most = torch.where(is_over & state.is_beaten, state.constant, state.most)
    least = torch.where(is_over & ~state.is_beaten, state.constant, state.least)
    middle = (least * most).sqrt()
    middle = torch.where(most.isinf(), least * GROWTH, middle)
    middle = torch.where(least == 0, most / GROWTH, middle)
    rounds = state.rounds + is_over
    infinite = torch.full_like(mark, float("inf"))
    state = replace(
        state,
        constant=torch.where(is_over, middle, state.constant),
        least=least,
        most=most,
        is_beaten=state.is_beaten & ~is_over,
        age=torch.where(is_over, 0, state.age),
        rounds=rounds,
        loss=torch.where(is_over, infinite, state.loss),
        mark=torch.where(is_over, infinite, mark),
        finished=state.finished | (rounds >= searches),
    )
    return state, is_over


def descend(state: D, delta: Tensor, pull: Tensor, descent: Descent) -> tuple[D, Tensor]:
    """Step down |δ|² and a penalty that pulls; give the new changes, none where a round is over.

    Args:
        state: after `record`.
        delta: changes in units, (N, …).
        pull: minus the gradient of the penalty, in units, (N, …).
        descent: settings.
    """
    velocity = descent.momentum * state.velocity + 2 * delta - pull
    length = descent.steps // descent.searches
    rate = cosine_each(descent.rate, descent.rate / 10, state.age, length)
    delta = delta - per_sample(rate, delta) * velocity
    state, is_over = turn(state, descent.searches, length)
    gone = per_sample(is_over, delta)
    return replace(state, velocity=torch.where(gone, 0, velocity)), torch.where(gone, 0, delta)
