import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

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
from roadworthy.attacks.directions import inward, steepest
from roadworthy.attacks.losses import gap, lead, likely_wrong, log_odds, odds_of
from roadworthy.attacks.projections import onto_l1_and_box
from roadworthy.attacks.schedules import checkpoints
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball

L1_SHARE = 0.2  # of the features that the first step in L1 moves
L1_SPARSER = 1.5  # the share that steps move is that of the best candidate over this
L1_SHORTER = 1.5
L1_SHORTEST = 0.1  # of the radius
L1_CHECK = 0.04  # of the steps lie between two checks


@dataclass(frozen=True)
class APGDState(AscentState):
    """Where the ascent stands.

    Args:
        target: the class to aim at, (N,); y where there is none.
        share: of the features that a step in L1 moves, (N,).
        moved: how many features the best candidate in L1 had moved at the last check, (N,).
    """

    target: Tensor
    share: Tensor
    moved: Tensor


@dataclass(frozen=True)
class APGD(EvasionAttack):
    """Auto-PGD: projected gradient ascent that chooses its own step lengths.

    It steps with momentum, halves the steps where the loss has stopped rising, and then goes on
    from the best candidate so far. In L1 a step moves as many features as the best candidate so far
    suggests, and is projected onto ball and box at once.

    Threat model: white box, L-inf, L2 or L1, fixed budget; targeted or not.
    Cost: `steps` gradients per sample, times `targets` with one forward pass more each; a sample
    that succeeds stops.
    Source: Croce, Hein 2020, arXiv:2003.01690, algorithm 1 and equations 5 and 6; in L1 Croce, Hein
    2021, arXiv:2103.01208, algorithm 1.
    Differs from the paper: the cross-entropy's gradient is that of the log-odds, which does not
    vanish; the momentum starts anew where the ascent goes back to its best candidate; a step in L1
    does not move features out of the box, and the radius is not made larger first; with three
    classes the targeted DLR loss is divided as the untargeted one, with two the log-odds take its
    place.

    Args:
        steps: gradient steps per sample, over all restarts.
        restarts: how often to start, each time from another random candidate.
        loss: `ce`, cross-entropy, or `dlr`, difference of logits ratio.
        targets: aim at so many wrong classes, those most likely at the input, in a run each, side
            by side; any error counts. 0 aims at none, and a target that the caller gives
            goes before it.
        draws: gradients averaged per step, for a model that answers at random.
    """

    steps: int = 100
    restarts: int = 1
    loss: Literal["ce", "dlr"] = "ce"
    targets: int = 0
    draws: int = 1

    card = Card("apgd", "Auto-PGD", aliases=("auto-pgd",), paper="arxiv:2003.01690")
    threats = frozenset({"linf", "l2", "l1"})
    needs = frozenset({Offer.GRADIENTS})

    def start(self, model: Model, state: State, threat: Ball) -> State:
        target = state.y
        if self.targets and not state.is_targeted:
            with torch.no_grad():
                target = likely_wrong(model(state.x), state.y, state.copy)
        return self._start_at_random(state, threat, target)

    def step(self, model: Model, state: APGDState, look: Look, threat: Ball) -> State:
        step, stretch = step_of_run(look.step, self.steps, self.restarts)
        if step < 0:
            return self._start_at_random(state, threat, state.target)
        objective = self._objective(state)
        gradient, loss = look.gradient(objective), objective(look.logits)
        for _ in range(self.draws - 1):  # one after the other: together they might not fit
            another = Look(model, state.x, wants_gradient=True)
            gradient = gradient + another.gradient(objective)
            loss = loss + objective(another.logits)
        state = remember(state, state.x, gradient, loss)
        if threat.norm == "l1":
            if step and step % max(1, int(L1_CHECK * stretch)) == 0:
                state, gradient = _check_l1(state, gradient, threat)
            return replace(state, x=_sparse_step(state, gradient, threat), last=state.x)
        if step in checkpoints(stretch):
            state, x, gradient = check(state, state.x, gradient, checkpoints(stretch)[step])
            state = replace(state, x=x)
        return replace(state, x=_step(state, gradient, threat, step == 0), last=state.x)

    def copies(self, is_targeted: bool) -> int:
        return 1 if is_targeted else max(1, self.targets)

    def passes_ahead(self, step: int) -> int:
        return 2 * self.draws + (step == 0 and self.targets > 0)

    def _start_at_random(self, state: State, threat: Ball, target: Tensor) -> APGDState:
        shape, unit = state.x.shape[1:], threat.unit(state.x)
        if threat.norm == "linf":
            noise = 2 * state.streams.uniform(shape, state.x.dtype) - 1
            noise = noise / per_sample(noise.flatten(1).abs().amax(1), noise) * unit
        else:
            noise = steepest(state.streams.normal(shape, state.x.dtype), "l2", unit)
        x = state.box(state.origin + threat.eps * noise)
        if threat.norm == "l1":
            x = onto_l1_and_box(x, state, threat)
        zeros = torch.zeros_like(state.sign)
        return begin(
            state,
            APGDState,
            x,
            1.0 if threat.norm == "l1" else 2.0,
            target=target,
            share=torch.full_like(zeros, L1_SHARE),
            moved=torch.full_like(zeros, float(math.prod(shape))),
        )

    def _objective(self, state: APGDState) -> Callable[[Tensor], Tensor]:
        """Give the loss that the attacker increases: logits (N, K) to (N,)."""
        is_led = self.targets > 0 and not state.is_targeted
        odds = odds_of(state.target) if is_led else log_odds(state)

        def ratio(logits: Tensor) -> Tensor:
            if logits.shape[1] < 3:
                return odds(logits)
            top = logits.topk(min(4, logits.shape[1]), dim=1).values
            # the targeted loss must not divide by a gap to the target itself
            low = top[:, 2:].mean(1) if is_led or state.is_targeted else top[:, 2]
            ahead = gap(state.target, state.y)(logits) if is_led else -lead(state, logits)
            return ahead / (top[:, 0] - low).clamp_min(1e-12)

        return odds if self.loss == "ce" else ratio


def _step(state: APGDState, gradient: Tensor, threat: Ball, is_first: bool) -> Tensor:
    length = per_sample(threat.eps * state.length, gradient)
    x = state.x + length * steepest(gradient, threat.norm, threat.unit(gradient))
    if threat.norm == "l2":
        x = state.origin + threat.project(x - state.origin)
    step = state.box(x) - state.x
    return (
        state.x + step if is_first else state.x + torch.lerp(step, state.x - state.last, MOMENTUM)
    )


def _check_l1(state: APGDState, gradient: Tensor, threat: Ball) -> tuple[APGDState, Tensor]:
    """Move fewer features at a time where the best candidate has become sparser."""
    moved = (state.best != state.origin).flatten(1).sum(1).to(state.sign.dtype)
    is_sparser = moved < 0.95 * state.moved
    rows = per_sample(is_sparser, gradient)
    shorter = (state.length / L1_SHORTER).clamp_min(L1_SHORTEST)
    state = replace(
        state,
        x=torch.where(rows, state.best, state.x),
        length=torch.where(is_sparser, 1.0, shorter),
        share=moved / L1_SPARSER / gradient[0].numel(),
        moved=moved,
    )
    return state, torch.where(rows, state.best_gradient, gradient)


def _sparse_step(state: APGDState, gradient: Tensor, threat: Ball) -> Tensor:
    """Step along the largest entries of the gradient, and project onto ball and box at once."""
    unit = threat.unit(gradient)
    scaled = (inward(gradient, state) * unit).flatten(1)
    count = (state.share * scaled.shape[1]).long().clamp(1, scaled.shape[1])
    size = scaled.abs()
    least = size.sort(1, descending=True).values.gather(1, count[:, None] - 1)
    signs = scaled.sign() * (size >= least)
    direction = signs / signs.abs().sum(1, keepdim=True).clamp_min(1)
    step = (threat.eps * state.length)[:, None] * direction
    return onto_l1_and_box(state.x + step.reshape(gradient.shape) * unit, state, threat)
