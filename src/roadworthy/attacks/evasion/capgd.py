from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.auto_pgd import (
    MOMENTUM,
    AscentState,
    begin,
    check,
    remember,
    step_of_run,
)
from roadworthy.attacks.directions import steepest
from roadworthy.attacks.losses import log_odds
from roadworthy.attacks.schedules import checkpoints
from roadworthy.attacks.threats.table import TableRules
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer


@dataclass(frozen=True)
class CAPGDState(AscentState):
    """Where the ascent stands, in rows whose columns are all treated as numbers.

    Args:
        relaxed: the candidate before its repair, (N, D), as those before it and the best one are.
    """

    relaxed: Tensor


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
        return begin(state, CAPGDState, state.origin, relaxed=state.origin)

    def step(self, model: Model, state: CAPGDState, look: Look, threat: TableRules) -> State:
        step, stretch = step_of_run(look.step, self.steps, self.restarts)
        if step < 0:
            noise = state.streams.normal(state.x.shape[1:], state.x.dtype)
            unit = threat.reach(state.origin, state.origin, noise)
            far = state.origin + threat.eps * steepest(noise, "l2", unit)
            x = threat.relaxed(state.origin, far)
            return begin(state, CAPGDState, x, relaxed=x)
        objective = log_odds(state)
        gradient = threat.slope(state.origin, look.gradient(objective))
        loss = objective(look.logits)
        state, x = remember(state, state.relaxed, gradient, loss), state.relaxed
        if step in checkpoints(stretch):
            state, x, gradient = check(state, x, gradient, checkpoints(stretch)[step])
        unit = threat.reach(state.origin, x, gradient)
        length = threat.eps * state.length[:, None]
        ahead = x + length * steepest(gradient, "l2", unit)
        move = threat.relaxed(state.origin, ahead) - x
        if step:
            move = torch.lerp(move, x - state.last, MOMENTUM)
        relaxed = threat.relaxed(state.origin, x + move)
        return replace(state, x=relaxed, relaxed=relaxed, last=x)
