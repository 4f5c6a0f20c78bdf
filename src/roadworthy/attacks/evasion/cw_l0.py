from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.constants import first_constant
from roadworthy.attacks.directions import in_units
from roadworthy.attacks.losses import lead, toward_nearest
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball

FIRST_WEIGHT = 4.0  # of c, over what a linear model needs: an error matters more than its length


@dataclass(frozen=True)
class CWL0State(State):
    """Where the attack stands.

    Args:
        constant: c, (N,).
        ahead: the model's lead at the input, (N,).
        is_free: the features that may change, (N, …).
        cut: share of the features that is taken away after an error, (N,).
        age: steps since an error or a failure, (N,).
        fewest: changed features of the best error, infinite without one, (N,).
        best: that error, (N, …).
        gain: how much each of its changes brings, (N, …).
    """

    constant: Tensor
    ahead: Tensor
    is_free: Tensor
    cut: Tensor
    age: Tensor
    fewest: Tensor
    best: Tensor
    gain: Tensor


@dataclass(frozen=True)
class CWL0(EvasionAttack):
    """Carlini and Wagner's L0 attack: an error from which the changes that bring least are taken.

    Runs their L2 attack on the features that may change; after each error those with the least
    product of slope and change are fixed at their origin, and the rest goes on from there.

    Threat model: white box, L0, minimal norm; targeted or not.
    Cost: at most `steps` gradients per sample, fewer as a sample is done when it fails to drop even
    one feature, and nine forward passes to shorten and verify.
    Source: Carlini, Wagner 2016, arXiv:1608.04644, section VI.B.
    Differs from the paper: a share of the features is fixed at a time, and half that share after a
    failure; the L2 attack ends at its first error and takes gradient steps in shares of a feature's
    range, projected into the box; c doubles at each failure; the first half follows the log-odds,
    which see all classes.

    Args:
        steps: gradient steps per sample.
        patience: steps without an error on the features left after which these are too few.
        cut: share of the changed features that is fixed after an error.
        rate: length of a step, as a share of the gradient.
    """

    steps: int = 500
    patience: int = 20
    cut: float = 0.3
    rate: float = 0.1

    card = Card("cw-l0", "Carlini and Wagner L0", aliases=("cwl0",), paper="arxiv:1608.04644")
    threats = frozenset({"l0"})
    needs = frozenset({Offer.GRADIENTS})
    is_minimal = True
    ends_at_success = False

    def start(self, model: Model, state: State, threat: Ball) -> State:
        zeros = torch.zeros_like(state.sign)
        return state.extended(
            CWL0State,
            constant=zeros,
            ahead=zeros,
            is_free=torch.ones_like(state.x).bool(),
            cut=zeros + self.cut,
            age=torch.zeros_like(state.y),
            fewest=zeros + float("inf"),
            best=state.x,
            gain=torch.zeros_like(state.x),
        )

    def step(self, model: Model, state: CWL0State, look: Look, threat: Ball) -> State:
        width = (state.high - state.low) * (threat.unit(state.x) > 0)
        delta, ahead = in_units(state.x - state.origin, width), lead(state, look.logits)
        is_late = torch.full_like(state.finished, 2 * look.step >= self.steps)
        toward = look.gradient(toward_nearest(state, is_late)) * width
        if look.step == 0:
            state = replace(state, ahead=ahead)
        count = (delta != 0).flatten(1).sum(1).to(delta.dtype)
        is_better = (ahead < 0) & (count < state.fewest)
        state = _keep(state, is_better, count, toward.abs() * delta.abs())
        state, is_new = self._choose(state, is_better)
        # the fewer features are free, the more has to come from each
        least = FIRST_WEIGHT * first_constant(state.ahead, toward * state.is_free)
        state = replace(state, constant=torch.maximum(state.constant, least))
        best = in_units(state.best - state.origin, width)
        delta = torch.where(per_sample(is_new, delta), best, delta)
        pull = per_sample(state.constant * (ahead >= 0), delta) * toward
        # an error just found keeps its changes: fewer of them will have to do
        shrinking = 2 * delta * per_sample((~is_better).to(delta), delta)
        delta = torch.where(state.is_free, delta - self.rate * (shrinking - pull), 0)
        return replace(state, x=state.origin + delta * width)

    def _choose(self, state: CWL0State, is_better: Tensor) -> tuple[CWL0State, Tensor]:
        """Free fewer features after an error, more after a failure; say where it was done (N,)."""
        has_failed = ~is_better & (state.age + 1 >= self.patience)
        is_done = has_failed & (state.cut * state.fewest < 1)  # not even one feature was too many
        is_new = is_better | (has_failed & state.fewest.isfinite())
        cut = torch.where(has_failed & is_new, state.cut / 2, state.cut)
        fewer = torch.minimum((state.fewest * (1 - cut)).floor(), state.fewest - 1)
        order = state.gain.flatten(1).argsort(dim=1, descending=True, stable=True)
        is_free = (order.argsort(dim=1) < fewer[:, None]).reshape(state.is_free.shape)
        state = replace(
            state,
            constant=torch.where(has_failed, 2 * state.constant, state.constant),
            is_free=torch.where(per_sample(is_new, is_free), is_free, state.is_free),
            cut=cut,
            age=torch.where(is_better | has_failed, 0, state.age + 1),
            finished=state.finished | is_done,
        )
        return state, is_new


def _keep(state: CWL0State, is_better: Tensor, count: Tensor, gain: Tensor) -> CWL0State:
    """Remember better errors."""
    better = per_sample(is_better, gain)
    return replace(
        state,
        fewest=torch.where(is_better, count, state.fewest),
        best=torch.where(better, state.x, state.best),
        gain=torch.where(better, gain, state.gain),
    )
