"""L-BFGS within a box, for many samples at once, one evaluation a step."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

ARMIJO = 1e-4  # share of the linear decrease that a step has to bring
SHORTEST = 1e-3  # share of the quasi-Newton step below which the history is dropped


@dataclass(frozen=True)
class Descent:
    """Where the minimization of each sample stands.

    Args:
        x: the best point, (N, D).
        value: of the function there; infinite before the first evaluation, (N,).
        gradient: there, (N, D).
        direction: of the step on trial, (N, D).
        length: of that step, as a share of the direction, (N,).
        moves: differences of points, newest last, (N, M, D); 0 where there are fewer.
        turns: differences of gradients, (N, M, D).
    """

    x: Tensor
    value: Tensor
    gradient: Tensor
    direction: Tensor
    length: Tensor
    moves: Tensor
    turns: Tensor

    @classmethod
    def at(cls, x: Tensor, memory: int) -> "Descent":
        """Begin at points (N, D), with room for `memory` differences."""
        nothing = x.new_zeros(len(x), memory, x.shape[1])
        infinite = torch.full_like(x[:, 0], float("inf"))
        zeros = torch.zeros_like(x)
        return cls(x, infinite, zeros, zeros, torch.ones_like(infinite), nothing, nothing)

    def take(self, rows: Tensor) -> "Descent":
        """Keep some samples, by mask or index."""
        return Descent(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def trial(state: Descent, low: Tensor, high: Tensor) -> Tensor:
    """Give the point (N, D) to evaluate next."""
    return (state.x + state.length[:, None] * state.direction).clamp(low, high)


def advance(
    state: Descent, x: Tensor, value: Tensor, gradient: Tensor, low: Tensor, high: Tensor
) -> Descent:
    """Take in the function at the points on trial.

    A point that brings enough is kept, and a quasi-Newton step among the free features is tried
    next; otherwise the step is halved, and after a few halvings the history is dropped.

    Source: Nocedal 1980, doi:10.1090/S0025-5718-1980-0572855-7 (two loops); Bertsekas 1982,
    doi:10.1137/0320018 (projection, with the features at active bounds left out).

    Args:
        state: where it stood.
        x: (N, D) what `trial` gave.
        value: (N,) of the function at x.
        gradient: (N, D) at x.
        low: (N, D) smallest values.
        high: (N, D) largest values.
    """
    expected = (state.gradient * (x - state.x)).sum(1)
    is_kept = value <= state.value + ARMIJO * expected.clamp_max(0)
    is_first = state.value.isinf()
    is_kept |= is_first
    kept = is_kept[:, None]
    move, turn = x - state.x, gradient - state.gradient
    is_curved = is_kept & ~is_first & ((move * turn).sum(1) > 1e-10 * turn.square().sum(1))
    moves = torch.cat([state.moves[:, 1:], move[:, None]], 1)
    turns = torch.cat([state.turns[:, 1:], turn[:, None]], 1)
    is_lost = ~is_kept & (state.length < SHORTEST)
    curved, lost = is_curved[:, None, None], is_lost[:, None, None]
    after = replace(
        state,
        x=torch.where(kept, x, state.x),
        value=torch.where(is_kept, value, state.value),
        gradient=torch.where(kept, gradient, state.gradient),
        moves=torch.where(lost, 0, torch.where(curved, moves, state.moves)),
        turns=torch.where(lost, 0, torch.where(curved, turns, state.turns)),
    )
    is_new = is_kept | is_lost
    direction = torch.where(is_new[:, None], _quasi_newton(after, low, high), state.direction)
    length = torch.where(is_new, torch.ones_like(state.length), state.length / 2)
    return replace(after, direction=direction, length=length)


def _quasi_newton(state: Descent, low: Tensor, high: Tensor) -> Tensor:
    """Give the step of the two loops among the features that the box lets move: (N, D)."""
    is_blocked = ((state.x <= low) & (state.gradient > 0)) | (
        (state.x >= high) & (state.gradient < 0)
    )
    free = (~is_blocked).to(state.x.dtype)
    moves, turns = state.moves * free[:, None], state.turns * free[:, None]
    inner = (moves * turns).sum(2)  # (N, M)
    weight = torch.where(inner > 0, 1 / inner.clamp_min(1e-30), torch.zeros_like(inner))
    step, alphas = state.gradient * free, []
    for k in reversed(range(moves.shape[1])):  # newest first; there are a few
        alpha = weight[:, k] * (moves[:, k] * step).sum(1)
        step = step - alpha[:, None] * turns[:, k]
        alphas.append(alpha)
    step = step * _scale(state, inner[:, -1], turns[:, -1])[:, None]
    for k, alpha in enumerate(reversed(alphas)):
        beta = weight[:, k] * (turns[:, k] * step).sum(1)
        step = step + (alpha - beta)[:, None] * moves[:, k]
    is_descent = (step * state.gradient).sum(1) > 0
    return -torch.where(is_descent[:, None], step, state.gradient * free) * free


def _scale(state: Descent, inner: Tensor, turn: Tensor) -> Tensor:
    """Give the size of the first guess of the inverse curvature (N,)."""
    curvature = inner / turn.square().sum(1).clamp_min(1e-30)
    length = state.gradient.norm(dim=1).clamp_min(1e-30)
    return torch.where(inner > 0, curvature, 1 / length)
