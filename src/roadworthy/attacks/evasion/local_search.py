from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.decisions import leads, pick
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class LocalSearchState(State):
    """Where the search stands.

    Args:
        is_near: places that are looked at next, (N, S) bool; a place is a pixel or a feature.
    """

    is_near: Tensor


@dataclass(frozen=True)
class LocalSearch(EvasionAttack):
    """Local search: greedily set the few pixels whose change hurts the model most.

    Each round tries the pixels near those that were set last, one at a time, at both ends of their
    range; the most harmful ones are set for good.

    Threat model: black box with scores, L0, minimal number of features; targeted or not.
    Cost: 2 `probes` + `pixels` + 1 queries per step and sample; a sample that succeeds stops; nine
    to shorten and verify.
    Source: Narodytska, Kasiviswanathan 2016, arXiv:1612.06299, algorithms 1 and 2.
    Differs from the paper: a pixel is set to the end of its range that hurt most when it was tried,
    not to a multiple that wraps around; of the most harmful pixels only as many are set as the
    error needs; a round tries `probes` random places near the last ones and, where fewer are near,
    others; every channel of a pixel is a feature; of a vector all places are near.

    Args:
        steps: rounds.
        probes: places that are tried per round.
        pixels: that are set per round.
        reach: how far the next places are from those that were set, in pixels.
    """

    steps: int = 150
    probes: int = 64
    pixels: int = 5
    reach: int = 5

    card = Card(
        "local-search",
        "Local search",
        aliases=("Local Search", "LocalSearchAttack", "LocSearchAdv"),
        paper="arxiv:1612.06299",
    )
    threats = frozenset({"l0"})
    needs = frozenset({Offer.SCORES})
    is_minimal = True

    def passes_ahead(self, step: int) -> int:
        return 1 + 2 * self.probes + self.pixels

    def start(self, model: Model, state: State, threat: Ball) -> State:
        near = torch.ones_like(_flat(state.x)[:, 0], dtype=torch.bool)
        return state.extended(LocalSearchState, is_near=near)

    def step(self, model: Model, state: LocalSearchState, look: Look, threat: Ball) -> State:
        x, origin = _flat(state.x), _flat(state.origin)
        ends = torch.stack([_flat(state.low), _flat(state.high)], 1)  # (N, 2, C, S)
        movable = _flat((threat.unit(state.x) > 0).expand_as(state.x))
        is_free = ((x == origin) & movable).any(1)
        place = self._places(state, is_free)  # (N, K)
        tried = torch.where(movable[:, None], _one_each(x, ends, place), x[:, None])
        shape = state.x.shape[1:]
        ahead = leads(model, state, tried.reshape(*tried.shape[:2], *shape))
        ahead = torch.where(ahead.isnan(), float("inf"), ahead)
        low, high = ahead.chunk(2, 1)
        lead = torch.minimum(low, high)
        # places beyond the free ones were tried for nothing
        lead = torch.where(is_free.gather(1, place), lead, float("inf"))
        worst = lead.argsort(dim=1, stable=True)[:, : self.pixels]
        chosen, is_high = place.gather(1, worst), (high < low).gather(1, worst)
        sets = _growing(x, ends, chosen, is_high, lead.gather(1, worst).isfinite())
        sets = torch.where(movable[:, None], sets, x[:, None])
        reached = leads(model, state, sets.reshape(*sets.shape[:2], *shape)) < 0
        # the smallest set that does it, or all of them
        last = torch.where(reached.any(1), reached.int().argmax(1), sets.shape[1] - 1)
        new = pick(sets, last)
        return replace(state, x=new.reshape(state.x.shape), is_near=self._near(state, chosen))

    def _places(self, state: LocalSearchState, is_free: Tensor) -> Tensor:
        """Draw places: free near ones first, then other free ones: (N, K)."""
        draw = state.streams.uniform(is_free.shape[1:], torch.float64)
        order = draw + 1.0 * ~state.is_near + 2.0 * ~is_free
        return order.argsort(1)[:, : self.probes]

    def _near(self, state: LocalSearchState, chosen: Tensor) -> Tensor:
        if state.x.ndim < 4:
            return state.is_near
        width = state.x.shape[3]
        place = torch.arange(state.is_near.shape[1], device=chosen.device)
        down = (place // width)[None, None] - (chosen // width)[..., None]
        across = (place % width)[None, None] - (chosen % width)[..., None]
        return ((down.abs() <= self.reach) & (across.abs() <= self.reach)).any(1)


def _one_each(x: Tensor, ends: Tensor, place: Tensor) -> Tensor:
    """Set one place each to its low end, then one each to its high end: (N, 2 K, C, S)."""
    is_there = place[..., None] == torch.arange(x.shape[2], device=x.device)  # (N, K, S)
    low, high = (
        torch.where(is_there[:, :, None], ends[:, end, None], x[:, None]) for end in (0, 1)
    )
    return torch.cat([low, high], 1)


def _growing(x: Tensor, ends: Tensor, place: Tensor, is_high: Tensor, counts: Tensor) -> Tensor:
    """Set the first place, the first two, and so on, to their ends: (N, P, C, S).

    Args:
        x: (N, C, S) what is changed.
        ends: (N, 2, C, S) low and high ends.
        place: (N, P) which places.
        is_high: (N, P) bool, to which end.
        counts: (N, P) bool, whether the place may change at all.
    """
    is_there = place[..., None] == torch.arange(x.shape[2], device=x.device)  # (N, P, S)
    is_there = is_there & counts[..., None]
    to_low = (is_there & ~is_high[..., None]).cumsum(1) > 0
    to_high = (is_there & is_high[..., None]).cumsum(1) > 0
    sets = torch.where(to_low[:, :, None], ends[:, 0, None], x[:, None])
    return torch.where(to_high[:, :, None], ends[:, 1, None], sets)


def _flat(x: Tensor) -> Tensor:
    """Lay out inputs as (N, C, S): an image's channels, or one channel of features."""
    return x.flatten(2) if x.ndim == 4 else x.flatten(1)[:, None]
