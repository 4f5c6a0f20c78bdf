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
        state = replace(state, best=best, distance=distance)
        share = (look.step % self.growth + 1) / self.growth
        draw = state.streams.uniform(state.x.shape[1:], state.x.dtype)
        nearer = _noise(state, draw, share, threat)
        # of any size: large for a quick way in, small for one that still succeeds near the end
        part = state.streams.uniform((1,) * (state.x.ndim - 1), state.x.dtype).square()
        fewer = torch.where(draw < part, state.origin, best)
        fainter = best + part * (state.origin - best)
        moves = (nearer, fewer) if threat.norm == "l0" else (nearer, fewer, fainter)
        is_found = per_sample(distance.isfinite(), draw)
        return replace(state, x=torch.where(is_found, moves[look.step % len(moves)], nearer))


def _noise(state: SaltAndPepperState, draw: Tensor, share: float, threat: Ball) -> Tensor:
    """Put noise on a share of the features; after an error, hold it to nine tenths of its size."""
    is_found = state.distance.isfinite()
    shares = torch.full_like(state.distance, share)
    if threat.norm != "l2":  # the nearest error has few features: take about as many, or fewer
        count = (state.best != state.origin).flatten(1).to(draw.dtype).mean(1)
        shares = torch.where(is_found, 2 * share * count, shares)
    shares = per_sample(shares, draw)
    end = torch.where(draw < shares / 2, state.low, state.high)
    is_noisy = (draw < shares) & (threat.unit(draw) > 0)
    change = torch.where(is_noisy, end - state.origin, torch.zeros_like(draw))
    if threat.norm == "l2":  # many features serve best: as many units in each
        reach = torch.where(is_found, state.distance, torch.zeros_like(state.distance))
        even = change.sign() * threat.unit(draw) * per_sample(reach, draw)
        change = torch.where(per_sample(is_found, draw), even, change)
    return state.origin + threat.project(change, 0.9 * state.distance)
