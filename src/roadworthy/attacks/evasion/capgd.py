from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.directions import steepest
from roadworthy.attacks.losses import log_odds
from roadworthy.attacks.schedules import checkpoints
from roadworthy.attacks.threats.table import TableRules
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer

MOMENTUM = 0.25
RHO = 0.75  # a stretch in which fewer steps than this share went up ends with shorter steps


@dataclass(frozen=True)
class CAPGDState(State):
    """Where the ascent stands, in rows whose columns are all treated as numbers.

    Args:
        relaxed: the candidate before its repair, (N, D).
        last: the one before, (N, D).
        last_loss: its loss, (N,).
        best: the one of highest loss, (N, D).
        best_gradient: the gradient there, (N, D).
        best_loss: the loss there, (N,).
        checked_loss: the highest loss at the last check, (N,).
        rises: how often the loss rose since the last check, (N,).
        length: of a step, as a share of the budget, (N,).
        is_shortened: the last check made the steps shorter, (N,) bool.
    """

    relaxed: Tensor
    last: Tensor
    last_loss: Tensor
    best: Tensor
    best_gradient: Tensor
    best_loss: Tensor
    checked_loss: Tensor
    rises: Tensor
    length: Tensor
    is_shortened: Tensor


@dataclass(frozen=True)
class CAPGD(EvasionAttack):
    """Constrained adaptive PGD: gradient ascent over a table's rows that keeps to their rules.

    Steps as Auto-PGD does, with momentum and lengths that halve where the loss stops rising. Every
    candidate is repaired before the model sees it: whole numbers are rounded, a group of columns
    gets its single 1, what cannot change stays. The first ascent starts from the row itself, the
    others from random ones.

    Threat model: white box, a table's rules with a budget of costs; targeted or not.
    Cost: `steps` gradients per sample; a sample that succeeds stops.
    Source: Simonetto et al. 2024, arXiv:2406.00775, section 4.
    Differs from the paper: the budget is on costs (L1), so the projection is that on the weighted
    L1 ball and the columns' ranges at once; the ascent goes on from the candidate before its
    repair, since rounding would take back short steps; the gradient is that of the log-odds, which
    has the cross-entropy's direction but does not vanish; rules that join several columns, other
    than a single 1 among them, are not known. A category that is coded in one column moves along
    its codes, as the model's gradient does: `feature-search` tries them all.

    Args:
        steps: gradient steps per sample, over all starts.
        restarts: how often to start.
    """

    steps: int = 60
    restarts: int = 2

    card = Card(
        "capgd",
        "Constrained adaptive PGD",
        aliases=("constrained-apgd",),
        paper="arxiv:2406.00775",
    )
    threats = frozenset({"table"})
    needs = frozenset({Offer.GRADIENTS})

    def start(self, model: Model, state: State, threat: TableRules) -> State:
        return _start(state, state.origin)

    def step(self, model: Model, state: CAPGDState, look: Look, threat: TableRules) -> State:
        stretch = max(1, self.steps // self.restarts)
        run = min(look.step // stretch, self.restarts - 1)
        step = look.step - run * stretch - (run > 0)  # a restart takes one
        if step < 0:
            noise = state.streams.normal(state.x.shape[1:], state.x.dtype)
            unit = threat.reach(state.origin, state.origin, noise)
            far = state.origin + threat.eps * steepest(noise, "l2", unit)
            return _start(state, threat.relaxed(state.origin, far))
        objective = log_odds(state)
        gradient = threat.slope(state.origin, look.gradient(objective))
        loss = objective(look.logits)
        state = _remember(state, gradient, loss)
        if step in checkpoints(stretch):
            state, gradient = _check(state, gradient, checkpoints(stretch)[step])
        unit = threat.reach(state.origin, state.relaxed, gradient)
        length = threat.eps * state.length[:, None]
        ahead = state.relaxed + length * steepest(gradient, "l2", unit)
        move = threat.relaxed(state.origin, ahead) - state.relaxed
        if step:
            move = torch.lerp(move, state.relaxed - state.last, MOMENTUM)
        relaxed = threat.relaxed(state.origin, state.relaxed + move)
        return replace(state, x=relaxed, relaxed=relaxed, last=state.relaxed)


def _start(state: State, x: Tensor) -> CAPGDState:
    zeros = torch.zeros_like(state.sign)
    lowest = torch.full_like(zeros, float("-inf"))
    return replace(state, x=x).extended(
        CAPGDState,
        relaxed=x,
        last=x,
        last_loss=-lowest,
        best=x,
        best_gradient=torch.zeros_like(x),
        best_loss=lowest,
        checked_loss=lowest,
        rises=zeros,
        length=torch.full_like(zeros, 2.0),
        is_shortened=zeros.bool(),
    )


def _remember(state: CAPGDState, gradient: Tensor, loss: Tensor) -> CAPGDState:
    is_better = loss > state.best_loss
    rows = is_better[:, None]
    return replace(
        state,
        best=torch.where(rows, state.relaxed, state.best),
        best_gradient=torch.where(rows, gradient, state.best_gradient),
        best_loss=torch.where(is_better, loss, state.best_loss),
        rises=state.rises + (loss > state.last_loss),
        last_loss=loss,
    )


def _check(state: CAPGDState, gradient: Tensor, stretch: int) -> tuple[CAPGDState, Tensor]:
    """Halve the steps where the loss rose too seldom, or not at all with steps of this length."""
    rose_seldom = state.rises < RHO * stretch
    is_stuck = ~state.is_shortened & (state.best_loss <= state.checked_loss)
    shortened = rose_seldom | is_stuck
    rows = shortened[:, None]
    state = replace(
        state,
        relaxed=torch.where(rows, state.best, state.relaxed),
        last=torch.where(rows, state.best, state.last),
        length=torch.where(shortened, state.length / 2, state.length),
        is_shortened=shortened,
        checked_loss=state.best_loss,
        rises=torch.zeros_like(state.rises),
    )
    return state, torch.where(rows, state.best_gradient, gradient)
