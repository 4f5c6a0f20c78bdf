from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.directions import dual_length, steepest
from roadworthy.attacks.losses import gap, lead, likely_wrong
from roadworthy.attacks.projections import to_hyperplane
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class FABState(State):
    """Where the search stands.

    Args:
        target: the class to aim at, (N,); y where there is none.
        nearest: distance of the nearest error so far, infinite without one, (N,).
    """

    target: Tensor
    nearest: Tensor


@dataclass(frozen=True)
class FAB(EvasionAttack):
    """Fast adaptive boundary attack.

    Takes the model for a linear one where the candidate is, goes to its boundary by the shortest
    way that the box allows, and leans toward the boundary's point that is nearest to the input;
    from an error it goes back a little toward the input. It does not depend on a budget, nor on the
    scale of the logits.

    Threat model: white box, L-inf, L2 or L1, minimal norm; targeted or not.
    Cost: per step one forward pass, and a backward pass for each class compared; a targeted step
    takes one. Nine forward passes to shorten and verify.
    Source: Croce, Hein 2019, arXiv:1907.02044, algorithm 1; aiming at classes by rank is from
    arXiv:2003.01690, section 4.
    Differs from the paper: after an error the boundary is that of the error, not computed anew
    where the candidate went back to, which saves a pass; only the most likely classes are compared;
    the driver's shortening takes the place of the final search.

    Args:
        steps: steps per sample, over all restarts.
        restarts: how often to start: first from the input, then from random candidates within half
            the distance known so far.
        targets: aim at so many wrong classes, those most likely at the input, in a run each, side
            by side; any error counts. 0 compares the most likely classes at each step, and a target
            that the caller gives goes before it.
        classes: how many of the most likely wrong classes to compare.
        most_lean: largest weight of the way from the input (the paper's alpha_max).
        overshoot: how far beyond the boundary to go, as a multiple of the way there (eta).
        step_back: where to go on from after an error, as a share of its distance (beta).
        reach: give a sample up when after a quarter of the steps no error is known within so many
            radii; 0 never does. For use within a budget: later steps seldom gain 10 %.
    """

    steps: int = 100
    restarts: int = 1
    targets: int = 0
    classes: int = 9
    most_lean: float = 0.1
    overshoot: float = 1.05
    step_back: float = 0.9
    reach: float = 0

    card = Card("fab", "Fast adaptive boundary", paper="arxiv:1907.02044")
    threats = frozenset({"linf", "l2", "l1"})
    needs = frozenset({Offer.GRADIENTS})
    is_minimal = True
    ends_at_success = False

    def start(self, model: Model, state: State, threat: Ball) -> State:
        target = state.y
        if self.targets and not state.is_targeted:
            with torch.no_grad():
                target = likely_wrong(model(state.x), state.y, state.copy)
        nearest = torch.full_like(state.sign, float("inf"))
        return state.extended(FABState, target=target, nearest=nearest)

    def step(self, model: Model, state: FABState, look: Look, threat: Ball) -> State:
        delta, is_error = state.x - state.origin, lead(state, look.logits) < 0
        distance = torch.where(is_error, threat.distance(delta), float("inf"))
        state = replace(state, nearest=torch.minimum(state.nearest, distance))
        stretch = max(1, self.steps // self.restarts)
        if self.reach and look.step >= stretch / 4:
            is_far = state.nearest > self.reach * threat.eps
            state = replace(state, finished=state.finished | is_far)
        if look.step % stretch == 0 and 0 < look.step < stretch * self.restarts:
            return replace(state, x=_random_start(state, threat))
        gradient, value = self._boundary(state, look, threat)
        back = per_sample(torch.where(is_error, self.step_back, 1.0), delta) * delta
        x = state.origin + back
        # the linear model's values at the candidate and at the input
        at_x = value + (gradient * (back - delta)).flatten(1).sum(1)
        at_origin = value - (gradient * delta).flatten(1).sum(1)
        # from the candidate and from the input, in one call
        starts, both = (
            torch.cat([x, state.origin]),
            torch.arange(len(x)).repeat(2).to(state.y.device),
        )
        way = to_hyperplane(
            gradient[both], -torch.cat([at_x, at_origin]), starts, state.take(both), threat
        )
        length, from_origin = threat.distance(way).chunk(2)
        lean = length / (length + from_origin).clamp_min(torch.finfo(length.dtype).tiny)
        ahead, ahead_from_origin = (starts + self.overshoot * way).chunk(2)
        weight = per_sample(lean.clamp_max(self.most_lean), delta)
        return replace(state, x=torch.lerp(ahead, ahead_from_origin, weight))

    def copies(self, is_targeted: bool) -> int:
        return 1 if is_targeted else max(1, self.targets)

    def passes_ahead(self, step: int) -> int:
        if self.targets:
            return 2 + (step == 0)
        return 1 + self.classes

    def _boundary(self, state: FABState, look: Look, threat: Ball) -> tuple[Tensor, Tensor]:
        """Linearize what is 0 on the boundary to go to: its gradient (N, …) and its value (N,)."""
        if state.is_targeted:
            return look.gradient(lambda logits: -lead(state, logits)), -lead(state, look.logits)
        if self.targets:
            rivals = [state.target]
        else:
            count = min(self.classes, look.logits.shape[1] - 1)
            rivals = [
                likely_wrong(look.logits, state.y, torch.full_like(state.y, rank))
                for rank in range(count)
            ]
        best: tuple[Tensor, Tensor] | None = None
        nearest = torch.full_like(state.nearest, float("inf"))
        for index, rival in enumerate(rivals):  # each needs a backward pass of its own
            ahead = gap(rival, state.y)
            gradient = look.gradient(ahead, again=index + 1 < len(rivals))
            value = ahead(look.logits)
            slope = dual_length(gradient, threat.norm, threat.unit(gradient))
            distance = value.abs() / slope.clamp_min(torch.finfo(slope.dtype).tiny)
            if best is None:
                best = gradient, value
            is_nearer = distance < nearest
            best = (
                torch.where(per_sample(is_nearer, gradient), gradient, best[0]),
                torch.where(is_nearer, value, best[1]),
            )
            nearest = torch.minimum(distance, nearest)
        assert best is not None
        return best


def _random_start(state: FABState, threat: Ball) -> Tensor:
    shape, unit = state.x.shape[1:], threat.unit(state.x)
    noise = steepest(state.streams.normal(shape, state.x.dtype), "l2", unit)
    radius = state.nearest.clamp_max(threat.eps) / 2
    length = threat.distance(noise).clamp_min(torch.finfo(noise.dtype).tiny)
    return state.origin + per_sample(radius / length, noise) * noise
