from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.directions import dual_length, in_units
from roadworthy.attacks.losses import lead, toward_nearest
from roadworthy.attacks.schedules import cosine_each
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball

CLOSE = 1.002  # as a factor: a bracket of the distance that narrow is the end


@dataclass(frozen=True)
class CWLinfState(State):
    """Where the attack stands.

    Args:
        constant: c, (N,).
        tau: changes beyond it are penalized, (N,).
        least: the largest tau that failed, 0 without one, (N,).
        most: distance of the nearest error, infinite without one, (N,).
        age: steps since tau changed, (N,).
        best: the nearest error, (N, …).
    """

    constant: Tensor
    tau: Tensor
    least: Tensor
    most: Tensor
    age: Tensor
    best: Tensor


@dataclass(frozen=True)
class CWLinf(EvasionAttack):
    """Carlini and Wagner's L-inf attack: the nearest error by a penalty beyond a shrinking limit.

    Minimizes c·max(lead, 0) + Σ max(|δ| - τ, 0) and lowers τ below each error that it finds.

    Threat model: white box, L-inf, minimal norm; targeted or not.
    Cost: at most `steps` gradients per sample, and nine forward passes to shorten and verify.
    Source: Carlini, Wagner 2016, arXiv:1608.04644, section VI.C.
    Differs from the paper: the change stays in the box by projection, not by a tanh; a step has the
    same length for all features, a share of τ, in place of Adam's; τ starts where a linear model
    would err; where it proves too small, one between it and the nearest error follows, instead of
    another c, which stays small enough for the penalty to hold; the first half follows the
    log-odds, which see all classes.

    Args:
        steps: gradient steps per sample.
        patience: steps without a nearer error after which tau is too small.
        shrink: tau after an error, as a share of its distance.
        rate: length of the first step after tau changed, as a share of tau.
        weight: c times the steepest feature's slope; below 1 no feature gains by passing tau.
    """

    steps: int = 500
    patience: int = 50
    shrink: float = 0.9
    rate: float = 0.1
    weight: float = 0.5

    card = Card(
        "cw-linf", "Carlini and Wagner L-inf", aliases=("cwlinf",), paper="arxiv:1608.04644"
    )
    threats = frozenset({"linf"})
    needs = frozenset({Offer.GRADIENTS})
    is_minimal = True
    ends_at_success = False

    def start(self, model: Model, state: State, threat: Ball) -> State:
        zeros = torch.zeros_like(state.sign)
        return state.extended(
            CWLinfState,
            constant=zeros,
            tau=zeros,
            least=zeros,
            most=zeros + float("inf"),
            age=torch.zeros_like(state.y),
            best=state.x,
        )

    def step(self, model: Model, state: CWLinfState, look: Look, threat: Ball) -> State:
        unit, ahead = threat.unit(state.x), lead(state, look.logits)
        delta = in_units(state.x - state.origin, unit)
        is_late = torch.full_like(state.finished, 2 * look.step >= self.steps)
        toward = look.gradient(toward_nearest(state, is_late)) * unit
        if look.step == 0:
            tiny = torch.finfo(toward.dtype).tiny
            steepest = toward.flatten(1).abs().amax(1).clamp_min(tiny)
            slope = dual_length(toward, "linf", torch.ones_like(unit)).clamp_min(tiny)
            state = replace(state, constant=self.weight / steepest, tau=ahead / slope)
        state, has_failed = self._limit(state, ahead < 0, threat.distance(state.x - state.origin))
        # back to the nearest error: what did not reach the boundary may have lost its way
        nearest = in_units(state.best - state.origin, unit)
        delta = torch.where(per_sample(has_failed, delta), nearest, delta)
        beyond = delta.sign() * (delta.abs() > per_sample(state.tau, delta))
        pull = per_sample(state.constant * (ahead >= 0), delta) * toward
        rate = cosine_each(self.rate, self.rate / 10, state.age, self.patience)
        delta = delta - per_sample(rate * state.tau, delta) * (beyond - pull).sign()
        return replace(state, x=state.origin + delta * unit)

    def _limit(
        self, state: CWLinfState, is_error: Tensor, distance: Tensor
    ) -> tuple[CWLinfState, Tensor]:
        """Lower tau below an error, raise it where it failed; say where it did (N,)."""
        is_nearer = is_error & (distance < state.most)
        most = torch.where(is_nearer, distance, state.most)
        has_failed = ~is_nearer & (state.age + 1 >= self.patience)
        least = torch.where(has_failed, torch.maximum(state.least, state.tau), state.least)
        between = (least * most).sqrt()
        raised = torch.where(most.isinf(), 2 * state.tau, between)
        lowered = torch.maximum(self.shrink * most, between)
        tau = torch.where(is_nearer, lowered, torch.where(has_failed, raised, state.tau))
        state = replace(
            state,
            tau=tau,
            least=least,
            most=most,
            age=torch.where(is_nearer | has_failed, 0, state.age + 1),
            best=torch.where(per_sample(is_nearer, state.x), state.x, state.best),
            finished=state.finished | (most <= CLOSE * least),
        )
        return state, has_failed
