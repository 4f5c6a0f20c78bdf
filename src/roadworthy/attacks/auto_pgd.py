"""What the ascents that choose their own step lengths share: Auto-PGD, in a ball and on a table."""

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from roadworthy.core.attack import State
from roadworthy.core.shapes import per_sample

MOMENTUM = 0.25
RHO = 0.75  # a stretch in which fewer steps than this share went up ends with shorter steps


@dataclass(frozen=True)
class AscentState(State):
    """Where the ascent stands.

    Args:
        last: the candidate before, (N, …).
        last_loss: its loss, (N,).
        best: the candidate of highest loss, (N, …).
        best_gradient: the gradient there, (N, …).
        best_loss: the loss there, (N,).
        checked_loss: the highest loss at the last check, (N,).
        rises: how often the loss rose since the last check, (N,).
        length: of a step, as a share of the radius, (N,).
        is_shortened: the last check made the steps shorter, (N,) bool.
    """

    last: Tensor
    last_loss: Tensor
    best: Tensor
    best_gradient: Tensor
    best_loss: Tensor
    checked_loss: Tensor
    rises: Tensor
    length: Tensor
    is_shortened: Tensor


S = TypeVar("S", bound=AscentState)


def begin(state: State, kind: type[S], x: Tensor, length: float = 2.0, **more: Any) -> S:
    """Start an ascent from candidates (N, …), with steps of a length."""
    zeros = torch.zeros_like(state.sign)
    lowest = torch.full_like(zeros, float("-inf"))
    return replace(state, x=x).extended(
        kind,
        last=x,
        last_loss=-lowest,
        best=x,
        best_gradient=torch.zeros_like(x),
        best_loss=lowest,
        checked_loss=lowest,
        rises=zeros,
        length=torch.full_like(zeros, length),
        is_shortened=zeros.bool(),
        **more,
    )


def step_of_run(step: int, steps: int, restarts: int) -> tuple[int, int]:
    """Say which step of a run it is, -1 where a new run starts, and how long runs are."""
    stretch = max(1, steps // restarts)
    run = min(step // stretch, restarts - 1)
    return step - run * stretch - (run > 0), stretch  # a restart takes one


def remember(state: S, x: Tensor, gradient: Tensor, loss: Tensor) -> S:
    """Keep candidates (N, …) whose loss (N,) is the highest so far, and count the rises."""
    is_better = loss > state.best_loss
    rows = per_sample(is_better, gradient)
    return replace(
        state,
        best=torch.where(rows, x, state.best),
        best_gradient=torch.where(rows, gradient, state.best_gradient),
        best_loss=torch.where(is_better, loss, state.best_loss),
        rises=state.rises + (loss > state.last_loss),
        last_loss=loss,
    )


def check(state: S, x: Tensor, gradient: Tensor, stretch: int) -> tuple[S, Tensor, Tensor]:
    """Halve the steps where the loss rose too seldom, or not at all with steps of this length.

    Returns:
        The state, and the candidates and gradients to go on from: the best ones where it did.
    """
    rose_seldom = state.rises < RHO * stretch
    is_stuck = ~state.is_shortened & (state.best_loss <= state.checked_loss)
    shortened = rose_seldom | is_stuck
    rows = per_sample(shortened, gradient)
    state = replace(
        state,
        last=torch.where(rows, state.best, state.last),
        length=torch.where(shortened, state.length / 2, state.length),
        is_shortened=shortened,
        checked_loss=state.best_loss,
        rises=torch.zeros_like(state.rises),
    )
    return (
        state,
        torch.where(rows, state.best, x),
        torch.where(rows, state.best_gradient, gradient),
    )
