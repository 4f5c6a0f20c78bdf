from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.losses import lead
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class SaltAndPepperState(State):
    """Where the search stands.

    Args:
        best: the nearest error so far; the input itself where there is none, (N, …).
        distance: of the nearest error; infinite where there is none, (N,).
    """

    best: Tensor
    distance: Tensor


@dataclass(frozen=True)
class SaltAndPepper(EvasionAttack):
    """Salt and pepper: set random features to the ends of their range, then ever fewer of them.

    The plainest noise there is, and it needs the labels only: what it finds took no skill to find.

    Threat model: black box with labels, L0, L1 or L2, minimal norm; targeted or not.
    Cost: `steps` queries per sample, and nine to shorten and verify.
    Source: Rauber et al. 2017, arXiv:1707.04131, which lists the attack of that name.
    Differs from the paper: once a noise has led to an error, it loses random features or some of
    its strength, and new noise is held to nine tenths of its size, instead of noise being drawn
    anew with ever fewer features, which hardly ever succeeds; the driver shortens the result.

    Args:
        steps: queries per sample.
        growth: queries in which the noise grows from one feature to all; it begins again after.
    """

    steps: int = 500
    growth: int = 50

    card = Card(
        "salt-and-pepper",
        "Salt-and-pepper noise",
        aliases=("saltandpepper",),
        paper="arxiv:1707.04131",
    )
    threats = frozenset({"l0", "l1", "l2"})
    needs = frozenset({Offer.LABELS})
    is_minimal = True
    ends_at_success = False

    def start(self, model: Model, state: State, threat: Ball) -> State:
        distance = torch.full_like(state.sign, float("inf"))
        return state.extended(SaltAndPepperState, best=state.x, distance=distance)

    def step(
        self, model: Model, state: SaltAndPepperState, look: Look, threat: Ball
    ) -> SaltAndPepperState:
        distance = threat.distance(state.x - state.origin)
        is_better = (lead(state, look.logits) < 0) & (distance < state.distance)
        best = torch.where(per_sample(is_better, state.x), state.x, state.best)
        distance = torch.where(is_better, distance, state.distance)
        is_found = distance.isfinite()
        draw = state.streams.uniform(state.x.shape[1:], state.x.dtype)
        share = (look.step % self.growth + 1) / self.growth
        end = torch.where(draw < share / 2, state.low, state.high)
        noise = torch.where((draw < share) & (threat.unit(draw) > 0), end, state.origin)
        change = noise - state.origin
        if threat.norm != "l0":  # as many units in each feature, or the one of most units wins
            reach = torch.where(is_found, distance, torch.zeros_like(distance))
            change = change.sign() * threat.unit(change) * per_sample(reach, change)
        nearer = state.origin + threat.project(change, 0.9 * distance)
        # of any size: large for a quick way in, small for one that still succeeds near the end
        part = state.streams.uniform((1,) * (state.x.ndim - 1), state.x.dtype).square()
        fewer = torch.where(draw < part, state.origin, best)
        fainter = best + part * (state.origin - best)
        x = torch.where(per_sample(is_found, noise), (nearer, fewer, fainter)[look.step % 3], noise)
        return replace(state, x=x, best=best, distance=distance)
