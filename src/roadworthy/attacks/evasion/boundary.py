from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.decisions import TO_BOUNDARY, are_errors, boxed, first_boundary, pick
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball

ALONG, TOWARD = 0.5, 0.2  # shares of errors that the two step sizes are held at


@dataclass(frozen=True)
class BoundaryState(State):
    """Where the walk stands.

    Args:
        along: length of the steps around the original, as a share of the distance, (N,).
        toward: length of the steps to the original, the same, (N,).
    """

    along: Tensor
    toward: Tensor


@dataclass(frozen=True)
class Boundary(EvasionAttack):
    """Boundary attack: a random walk along the decision boundary, toward the input.

    Starts from an error far away; each step turns at random around the original and then comes
    closer to it, as long as the model errs. The step sizes follow the share that does.

    Threat model: black box with labels, L2, minimal norm; targeted or not. It starts from another
    input where a pool was given, which a targeted attack needs, else from random inputs.
    Cost: 2 `candidates` + 1 queries per step and sample; 52 to start, nine to shorten and verify.
    Source: Brendel, Rauber, Bethge 2017, arXiv:1712.04248, algorithm 1 and section 2.
    Differs from the paper: each step draws several candidates and takes the nearest that errs; the
    first error is brought to the boundary by halving; the step sizes change a little after every
    step, by the shares of its candidates that err.

    Args:
        steps: of the walk, per sample.
        candidates: per step; each is looked at before and after it comes closer.
        first_along: first turn, as a share of the distance.
        first_toward: first step to the original, as a share of the distance.
        adaptation: by how much a step size changes at most.
    """

    steps: int = 1000
    candidates: int = 3
    first_along: float = 0.1
    first_toward: float = 0.1
    adaptation: float = 1.2

    card = Card(
        "boundary",
        "Boundary attack",
        aliases=("Boundary Attack", "BoundaryAttack"),
        paper="arxiv:1712.04248",
    )
    threats = frozenset({"l2"})
    needs = frozenset({Offer.LABELS})
    is_minimal = True
    ends_at_success = False

    def passes_ahead(self, step: int) -> int:
        first = TO_BOUNDARY * (step == 0)
        return 1 + first + 2 * self.candidates

    def start(self, model: Model, state: State, threat: Ball) -> State:
        x, is_error = first_boundary(model, state, threat)
        along = torch.full_like(state.sign, self.first_along)
        toward = torch.full_like(state.sign, self.first_toward)
        extended = state.extended(BoundaryState, along=along, toward=toward)
        return replace(extended, x=x, finished=~is_error)

    def step(self, model: Model, state: BoundaryState, look: Look, threat: Ball) -> State:
        unit, count = threat.unit(state.x), self.candidates
        delta = state.x - state.origin
        distance = threat.distance(delta)
        units = torch.where(unit > 0, delta / unit, 0).flatten(1)[:, None]
        noise = state.streams.normal((count, *state.x.shape[1:]), delta.dtype) * (unit > 0)
        turned = units + _across(noise.flatten(2), units, state.along * distance)
        turned = turned * (distance[:, None, None] / turned.norm(dim=2, keepdim=True))
        around = turned.reshape(-1, count, *state.x.shape[1:]) * unit
        closer = around * per_sample(1 - state.toward, around)
        origin = state.origin[:, None]
        tries = boxed(state, torch.cat([origin + around, origin + closer], 1))
        is_error = are_errors(model, state, tries)
        moved = (tries - origin).flatten(0, 1)
        size = threat.distance(moved).reshape(is_error.shape)
        size = torch.where(is_error, size, float("inf"))
        is_nearer = size.amin(1) < distance
        x = torch.where(per_sample(is_nearer, delta), pick(tries, size.argmin(1)), state.x)
        shares = is_error.reshape(-1, 2, count).to(delta.dtype).mean(2)
        return replace(
            state,
            x=x,
            along=(state.along * self.adaptation ** (shares[:, 0] - ALONG)).clamp_max(1),
            toward=(state.toward * self.adaptation ** (shares[:, 1] - TOWARD)).clamp_max(0.9),
        )


def _across(noise: Tensor, units: Tensor, length: Tensor) -> Tensor:
    """Make noise (N, K, D) orthogonal to perturbations (N, 1, D), and of a length (N,)."""
    tiny = torch.finfo(noise.dtype).tiny
    axis = units / units.norm(dim=2, keepdim=True).clamp_min(tiny)
    across = noise - (noise * axis).sum(2, keepdim=True) * axis
    return across * (length[:, None, None] / across.norm(dim=2, keepdim=True).clamp_min(tiny))
