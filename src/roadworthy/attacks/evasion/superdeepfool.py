from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.boundaries import nearest_boundary
from roadworthy.attacks.directions import in_units
from roadworthy.attacks.losses import lead
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class SuperDeepFoolState(State):
    """Where SuperDeepFool stands.

    Args:
        is_projected: the candidate is a projection, (N,).
        nearest: distance of the nearest error, infinite without one, (N,).
    """

    is_projected: Tensor
    nearest: Tensor


@dataclass(frozen=True)
class SuperDeepFool(EvasionAttack):
    """SuperDeepFool: DeepFool whose errors are pulled to where they lie straight over the input.

    Runs DeepFool to an error, projects the change on the boundary's normal there, and goes on until
    the projection is an error itself: of a smooth boundary, the nearest point.

    Threat model: white box, L2, minimal norm; targeted or not.
    Cost: at most `steps` steps, each one forward pass, a gradient per candidate class and one more;
    then nine forward passes to shorten and verify.
    Source: Abdollahpoorrostam, Abroshan, Moosavi-Dezfooli 2023, arXiv:2303.12481, SDF(∞, 1).
    Differs from the paper: a step aims a margin beyond the boundary in place of an overshoot; only
    a few classes are compared; the change stays in the box; it also ends when errors come no
    nearer.

    Args:
        steps: at most so many, of DeepFool and projections together.
        margin: logits by which a step of DeepFool aims beyond the boundary.
        candidates: the most likely wrong classes whose boundaries are compared.
        least_gain: share by which an error has to be nearer than the last one to go on.
    """

    steps: int = 50
    margin: float = 1e-4
    candidates: int = 5
    least_gain: float = 0.005

    card = Card("superdeepfool", "SuperDeepFool", aliases=("sdf",), paper="arxiv:2303.12481")
    threats = frozenset({"l2"})
    needs = frozenset({Offer.GRADIENTS})
    is_minimal = True
    ends_at_success = False

    def start(self, model: Model, state: State, threat: Ball) -> State:
        return state.extended(
            SuperDeepFoolState,
            is_projected=torch.zeros_like(state.finished),
            nearest=torch.full_like(state.sign, float("inf")),
        )

    def step(self, model: Model, state: SuperDeepFoolState, look: Look, threat: Ball) -> State:
        unit = threat.unit(state.x)
        normal = look.gradient(lambda logits: -lead(state, logits), again=True) * unit
        ahead = nearest_boundary(state, look, threat, self.margin, self.candidates)
        change = in_units(state.x - state.origin, unit)
        along = (change * normal).flatten(1).sum(1)
        square = normal.flatten(1).square().sum(1)
        share = torch.where(square > 0, along / square.clamp_min(torch.finfo(square.dtype).tiny), 0)
        straight = per_sample(share, normal) * normal * unit
        is_error = lead(state, look.logits) < 0
        distance = change.flatten(1).norm(dim=1)
        has_stalled = distance > (1 - self.least_gain) * state.nearest
        return replace(
            state,
            x=torch.where(per_sample(is_error, ahead), state.origin + straight, state.x + ahead),
            finished=state.finished | (is_error & (state.is_projected | has_stalled)),
            is_projected=is_error,
            nearest=torch.where(is_error, torch.minimum(distance, state.nearest), state.nearest),
        )

    def passes_ahead(self, step: int) -> int:
        return 2 + self.candidates
