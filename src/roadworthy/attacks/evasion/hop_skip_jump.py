import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.decisions import (
    TO_BOUNDARY,
    are_errors,
    boxed,
    first_boundary,
    nearest_error,
)
from roadworthy.attacks.directions import dual_length, steepest
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball

AT_ONCE = 10  # probes in memory at a time: few enough for a processor's cache


@dataclass(frozen=True)
class HopSkipJumpState(State):
    """Where the attack stands.

    Args:
        gradient: sum of the estimates so far, the earlier ones fading, (N, …).
    """

    gradient: Tensor


@dataclass(frozen=True)
class HopSkipJump(EvasionAttack):
    """HopSkipJump: a gradient estimated from labels at the decision boundary.

    Stands on the boundary, asks on which side random probes around it lie, and jumps along the mean
    of those that are errors; a search brings the jump back to the boundary, nearer to the input.

    Threat model: black box with labels, L-inf or L2, minimal norm; targeted or not. It starts from
    another input where a pool was given, which a targeted attack needs, else from random inputs.
    Cost: `first_probes` times the root of the step's number, and `jumps` times `halvings`, queries
    per step and sample; 52 to start, nine to shorten and verify. Ten steps take about 2 600.
    Source: Chen, Jordan, Wainwright 2019, arXiv:1904.02144, algorithm 2.
    Differs from the paper: probes are a share of the distance away, not the distance over the
    number of features, where rounding and the search's own tolerance drown the answer; their noise
    is triangular and not brought to one length; the halved step sizes are tried at once, the first
    twice as long, and the search goes on along each that still errs, so the nearest one counts, not
    the longest; the search is for a radius, so it keeps L-inf steps within a cube; an estimate is
    added to the fading sum of those before it, as the boundary's normal turns slowly.

    Args:
        steps: gradient estimates per sample.
        first_probes: queries of the first estimate.
        most_probes: queries of any one estimate.
        probe: how far the probes are, as a share of the distance.
        jumps: step sizes that are tried.
        halvings: of the radius, for each jump.
        memory: weight of the last gradient in the next one.
    """

    steps: int = 32
    first_probes: int = 100
    most_probes: int = 10_000
    probe: float = 0.05
    jumps: int = 3
    halvings: int = 9
    memory: float = 0.8

    card = Card(
        "hop-skip-jump",
        "HopSkipJump",
        aliases=("HopSkipJump", "HopSkipJumpAttack", "HSJ"),
        paper="arxiv:1904.02144",
    )
    threats = frozenset({"linf", "l2"})
    needs = frozenset({Offer.LABELS})
    is_minimal = True
    ends_at_success = False

    def passes_ahead(self, step: int) -> int:
        first = TO_BOUNDARY * (step == 0)
        return 1 + first + self._probes(step) + self.jumps * self.halvings

    def _probes(self, step: int) -> int:
        return min(self.most_probes, int(self.first_probes * math.sqrt(step + 1)))

    def start(self, model: Model, state: State, threat: Ball) -> State:
        x, is_error = first_boundary(model, state, threat)
        return replace(
            state.extended(HopSkipJumpState, gradient=torch.zeros_like(x)), x=x, finished=~is_error
        )

    def step(self, model: Model, state: HopSkipJumpState, look: Look, threat: Ball) -> State:
        delta = state.x - state.origin
        distance = threat.distance(delta)
        gradient = self._gradient(model, state, threat, distance, look.step)
        gradient = gradient + self.memory * state.gradient
        direction = steepest(gradient, threat.norm, threat.unit(state.x))
        halved = 2.0 ** (1 - torch.arange(self.jumps, device=delta.device))
        lengths = distance[:, None] * halved.to(delta.dtype) / math.sqrt(look.step + 1)
        jumps = lengths.reshape(*lengths.shape, *[1] * (delta.ndim - 1)) * direction[:, None]
        # the first steps come from far away; later ones gain less than half, and want precision
        low = distance * min(0.5, look.step / 8)
        x = nearest_error(
            model, state, threat, state.x, delta[:, None] + jumps, low, distance,
            self.halvings,
        )  # fmt: skip
        return replace(state, x=x, gradient=gradient)

    def _gradient(
        self, model: Model, state: State, threat: Ball, distance: Tensor, step: int
    ) -> Tensor:
        """Estimate the gradient at the boundary (equation 16): (N, …), as long as it is certain."""
        unit, total = threat.unit(state.x), self._probes(step)
        size = self.probe * distance
        if threat.norm == "l2":
            size = size / (unit > 0).sum().sqrt()
        reach = (per_sample(size, state.x) * unit)[:, None]
        votes, sums = [], state.x.new_zeros(len(state.x), 2, state.x[0].numel())
        for first in range(0, total, AT_ONCE):
            shape = (min(AT_ONCE, total - first), *state.x.shape[1:])
            noise = state.streams.bell(shape, reach.dtype)
            probes = boxed(state, state.x[:, None] + reach * noise)
            vote = are_errors(model, state, probes).to(reach.dtype) * 2 - 1
            moved = (probes - state.x[:, None]).flatten(2)
            sums += torch.stack([vote, torch.ones_like(vote)], 1) @ moved
            votes.append(vote)
        mean = torch.cat(votes, 1).mean(1)
        # all alike: there is nothing to compare with, and their mean is the best guess
        baseline = torch.where(mean.abs() < 1, mean, 0)[:, None]
        gradient = (sums[:, 0] - baseline * sums[:, 1]).reshape(state.x.shape)
        gradient = torch.where(unit > 0, gradient / unit.square(), 0)
        length = dual_length(gradient, "l2", unit).clamp_min(torch.finfo(gradient.dtype).tiny)
        return per_sample(math.sqrt(total) / length, gradient) * gradient
