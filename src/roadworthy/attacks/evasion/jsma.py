from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.losses import likeliest_wrong, odds_of
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class JSMAState(State):
    """Where the search stands.

    Args:
        target: the class that the saliency map favors, (N,).
    """

    target: Tensor


@dataclass(frozen=True)
class JSMA(EvasionAttack):
    """Jacobian saliency map: moves, two at a time, the features that favor one class most.

    A pair is taken whose common step raises the target's probability and lowers the sum of all
    others by the largest product of both. As probabilities sum to 1 these are equal, so the best
    pair is that of the two largest derivatives.

    Threat model: white box, L0, minimal norm; targeted, else toward the likeliest wrong class.
    Cost: at most `steps` gradients per sample, and nine forward passes to shorten and verify.
    Source: Papernot et al. 2015, arXiv:1511.07528, algorithm 3.
    Differs from the paper: the derivative is that of the log-odds, which has the probability's
    direction but does not vanish; features go up or down, and count by how far they can go;
    the driver takes back the smallest changes as long as the error stays.

    Args:
        steps: pairs to move at most; a tenth of MNIST's pixels.
        theta: longest step, as a share of a feature's range.
    """

    steps: int = 78
    theta: float = 1.0

    card = Card("jsma", "Jacobian saliency map", paper="arxiv:1511.07528")
    threats = frozenset({"l0"})
    needs = frozenset({Offer.GRADIENTS})
    is_minimal = True

    def start(self, model: Model, state: State, threat: Ball) -> State:
        return state.extended(JSMAState, target=state.y)

    def step(self, model: Model, state: JSMAState, look: Look, threat: Ball) -> State:
        target = state.target
        if look.step == 0 and not state.is_targeted:
            target = likeliest_wrong(look.logits, state.y)
        slope = look.gradient(odds_of(target))
        span = self.theta * (state.high - state.low) * (threat.unit(state.x) > 0)
        end = torch.where(slope > 0, state.x + span, state.x - span)
        room = state.box(end) - state.x
        saliency = (slope * room).flatten(1)
        pair = saliency.topk(min(2, saliency.shape[1]), dim=1).indices
        taken = torch.zeros_like(saliency).scatter(1, pair, 1.0) * (saliency > 0)
        is_stuck = taken.sum(1) == 0
        return replace(
            state,
            x=state.x + room * taken.reshape(room.shape),
            target=target,
            finished=state.finished | is_stuck,
        )
