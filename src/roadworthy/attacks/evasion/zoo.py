from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.decisions import boxed, leads
from roadworthy.attacks.losses import lead
from roadworthy.attacks.schedules import cosine
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball

AT_ONCE = 10  # coordinates in memory at a time: few enough for a processor's cache
BETAS = 0.9, 0.999  # of Adam
SIDES = (4, 2, 1)  # of the squares that move as one, in each third of the steps


@dataclass(frozen=True)
class ZOOState(State):
    """Where the descent stands; all of it is per feature, in units.

    Args:
        first: Adam's mean of the gradients, (N, D).
        second: Adam's mean of their squares, (N, D).
        updates: how often the feature was moved, (N, D).
        weight: of the lead beside the squared distance: the paper's c, (N,).
    """

    first: Tensor
    second: Tensor
    updates: Tensor
    weight: Tensor


@dataclass(frozen=True)
class ZOO(EvasionAttack):
    """Zeroth-order optimization: Carlini and Wagner's attack with differences for derivatives.

    Moves a few coordinates at a time by Adam, along differences of the model's lead on both sides;
    where features moved before, they are chosen more often; squares of an image come before pixels.

    Threat model: black box with scores, L2, minimal norm; targeted or not.
    Cost: 2 `coordinates` + 1 queries per step and sample, and nine to shorten and verify.
    Source: Chen et al. 2017, arXiv:1708.03999, algorithms 1 and 2, sections 3.3 to 3.6.
    Differs from the paper: the lead is in logits, not in logarithms of probabilities; c follows
    whether the candidate errs, instead of a binary search over whole runs; the hierarchy is of
    squares that move as one, 4, 2 and 1 pixels wide, not of images that are scaled up; the step
    falls along a cosine; the driver shortens the result.

    Args:
        steps: of Adam, per sample.
        coordinates: that move per step.
        rate: Adam's first step, in units of the threat model.
        probe: how far the two sides are, in the same.
        first_weight: of the lead beside the squared distance: the paper's c.
        adaptation: of that weight per step: it falls where the model errs, and else grows.
    """

    steps: int = 300
    coordinates: int = 64
    rate: float = 0.05
    probe: float = 1e-3
    first_weight: float = 1.0
    adaptation: float = 1.1

    card = Card("zoo", "Zeroth-order optimization", aliases=("ZOO",), paper="arxiv:1708.03999")
    threats = frozenset({"l2"})
    needs = frozenset({Offer.SCORES})
    is_minimal = True
    ends_at_success = False

    def passes_ahead(self, step: int) -> int:
        return 1 + 2 * self.coordinates

    def start(self, model: Model, state: State, threat: Ball) -> State:
        zeros = torch.zeros_like(state.x).flatten(1)
        weight = torch.full_like(state.sign, self.first_weight)
        return state.extended(ZOOState, first=zeros, second=zeros, updates=zeros, weight=weight)

    def step(self, model: Model, state: ZOOState, look: Look, threat: Ball) -> State:
        unit = threat.unit(state.x).flatten()
        delta = (state.x - state.origin).flatten(1)
        units = torch.where(unit > 0, delta / unit, 0)
        parts = self._parts(state, units, unit, look.step)
        slopes = self._slopes(model, state, parts, unit)
        # a feature in several parts has the mean of their slopes; a part's slope is shared out
        share = slopes / parts.sum(2).clamp_min(1)
        moves = parts.any(1)
        slope = (share[..., None] * parts).sum(1) / parts.sum(1).clamp_min(1)
        is_error = lead(state, look.logits) < 0
        gradient = 2 * units + (state.weight * ~is_error)[:, None] * slope
        first = BETAS[0] * state.first + (1 - BETAS[0]) * gradient
        second = BETAS[1] * state.second + (1 - BETAS[1]) * gradient.square()
        updates = state.updates + 1
        mean = first / (1 - BETAS[0] ** updates)
        spread = (second / (1 - BETAS[1] ** updates)).sqrt()
        rate = cosine(self.rate, self.rate / 100, look.step, self.steps)
        step = rate * mean / spread.clamp_min(torch.finfo(spread.dtype).tiny)
        moved = torch.where(moves, units - step, units) * unit
        factor = torch.where(is_error, 1 / self.adaptation, self.adaptation)
        return replace(
            state,
            x=state.origin + moved.reshape(state.x.shape),
            first=torch.where(moves, first, state.first),
            second=torch.where(moves, second, state.second),
            updates=torch.where(moves, updates, state.updates),
            weight=state.weight * factor,
        )

    def _parts(self, state: ZOOState, units: Tensor, unit: Tensor, step: int) -> Tensor:
        """Choose features, or the squares around them: (N, K, D) bool."""
        size = units.abs()
        # importance sampling: as the change so far, and evenly
        weight = size + size.mean(1, keepdim=True) + torch.finfo(size.dtype).tiny
        draw = state.streams.uniform(units.shape[1:], units.dtype)
        score = (weight.log() - (-draw.log()).log()).masked_fill(unit == 0, float("-inf"))
        chosen = score.argsort(1, descending=True)[:, : min(self.coordinates, units.shape[1])]
        place = torch.arange(units.shape[1], device=units.device)
        if state.x.ndim == 4:
            _, height, width = state.x.shape[1:]
            side = SIDES[step * len(SIDES) // self.steps]
            row, column = place // width % height // side, place % width // side
            place = (place // (height * width) * height + row) * width + column
        parts = place[chosen][..., None] == place
        return parts & (unit > 0)

    def _slopes(self, model: Model, state: State, parts: Tensor, unit: Tensor) -> Tensor:
        """Differentiate the model's lead by a common move of each part (equation 6): (N, K)."""
        slopes = []
        for some in parts.split(AT_ONCE, dim=1):
            away = (some * unit * self.probe).reshape(*some.shape[:2], *state.x.shape[1:])
            center = state.x[:, None]
            sides = torch.cat([boxed(state, center + away), boxed(state, center - away)], 1)
            up, down = leads(model, state, sides).chunk(2, 1)
            slopes.append((up - down).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0))
        return torch.cat(slopes, 1) / (2 * self.probe)
