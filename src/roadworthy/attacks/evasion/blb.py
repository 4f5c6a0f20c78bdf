from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from roadworthy.attacks.directions import in_units
from roadworthy.attacks.lbfgs import Descent, advance, trial
from roadworthy.attacks.losses import likeliest_wrong
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball

GROWTH = 10.0  # of c while one of its bounds is not known


@dataclass(frozen=True)
class BLBState(State):
    """Where the search stands.

    Args:
        target: the class to reach, (N,).
        weight: c, of the distance, (N,).
        enough: the largest c that led to an error; 0 without one, (N,).
        too_much: the smallest c that did not; infinite without one, (N,).
        is_beaten: this round led to an error, (N,).
        descent: L-BFGS in units of each feature.
    """

    target: Tensor
    weight: Tensor
    enough: Tensor
    too_much: Tensor
    is_beaten: Tensor
    descent: Descent


@dataclass(frozen=True)
class BLB(EvasionAttack):
    """Box-constrained L-BFGS: the first attack on neural networks.

    Minimizes c·|δ|² plus the cross-entropy of the target within the box, and searches for the
    largest c at which an error is found.

    Threat model: white box, L2, minimal norm; targeted, else toward the likeliest wrong class.
    Cost: `searches` times `length` gradients per sample, and nine forward passes to shorten and
    verify.
    Source: Szegedy et al. 2013, arXiv:1312.6199, section 4.1.
    Differs from the paper: |δ|² stands for |δ|, which has no gradient at 0; all samples go through
    L-BFGS at once, each with its own c and line search; the nearest error of all rounds counts;
    the driver shortens the result along the line to its origin.

    Args:
        searches: values of c that are tried.
        length: evaluations for each.
        first_weight: the first c.
        memory: steps that L-BFGS remembers.
    """

    searches: int = 5
    length: int = 20
    first_weight: float = 0.1
    memory: int = 8

    card = Card(
        "blb",
        "Box-constrained L-BFGS",
        aliases=("l-bfgs", "lbfgs", "l-bfgs-b"),
        paper="arxiv:1312.6199",
    )
    threats = frozenset({"l2"})
    needs = frozenset({Offer.GRADIENTS})
    is_minimal = True
    ends_at_success = False

    @property
    def steps(self) -> int:  # type: ignore[override]
        """All evaluations."""
        return self.searches * self.length

    def start(self, model: Model, state: State, threat: Ball) -> State:
        zeros = torch.zeros_like(state.sign)
        return state.extended(
            BLBState,
            target=state.y,
            weight=zeros + self.first_weight,
            enough=zeros,
            too_much=zeros + float("inf"),
            is_beaten=zeros.bool(),
            descent=Descent.at(torch.zeros_like(state.x).flatten(1), self.memory),
        )

    def step(self, model: Model, state: BLBState, look: Look, threat: Ball) -> State:
        unit = threat.unit(state.x)
        target = state.target
        if look.step == 0 and not state.is_targeted:
            target = likeliest_wrong(look.logits, state.y)
        state = replace(state, target=target)
        if look.step % self.length == 0 and look.step > 0:
            state = _next_weight(state)
        slope = look.gradient(lambda logits: cross_entropy(logits, target, reduction="none"))
        points = (state.x, state.low, state.high)
        delta, low, high = (in_units(x - state.origin, unit).flatten(1) for x in points)
        loss = cross_entropy(look.logits, target, reduction="none")
        value = state.weight * delta.square().sum(1) + loss
        gradient = (slope * unit).flatten(1) + 2 * state.weight[:, None] * delta
        descent = advance(state.descent, delta, value, gradient, low, high)
        own = look.logits.gather(1, target[:, None])[:, 0]
        rest = look.logits.scatter(1, target[:, None], float("-inf")).amax(1)
        x = state.origin + trial(descent, low, high).reshape(state.x.shape) * unit
        return replace(state, x=x, descent=descent, is_beaten=state.is_beaten | (own > rest))


def _next_weight(state: BLBState) -> BLBState:
    """Raise c after a round that led to an error, lower it after one that did not."""
    enough = torch.where(state.is_beaten, state.weight, state.enough)
    too_much = torch.where(state.is_beaten, state.too_much, state.weight)
    weight = (enough * too_much).sqrt()
    weight = torch.where(too_much.isinf(), enough * GROWTH, weight)
    weight = torch.where(enough == 0, too_much / GROWTH, weight)
    return replace(
        state,
        weight=weight,
        enough=enough,
        too_much=too_much,
        is_beaten=torch.zeros_like(state.is_beaten),
        # where the last round ended is near to where the next will end
        descent=Descent.at(state.descent.x, state.descent.moves.shape[1]),
    )
