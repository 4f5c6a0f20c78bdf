from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from roadworthy.attacks.decisions import leads, pick
from roadworthy.attacks.losses import lead
from roadworthy.attacks.patches import (
    random_hump,
    random_part,
    random_places,
    random_sign,
    stripes,
    tiles,
)
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball

HALVED_AFTER = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # of 10 000 queries
# so many changes are tried at a time after so many queries: the fewer help, the less is lost
TOGETHER = {0: 1, 50: 3, 500: 7, 2000: 15}


@dataclass(frozen=True)
class SquareState(State):
    """Where the random search stands.

    Args:
        best: the best candidate, (N, …).
        ahead: by how much the model is ahead there, (N,).
    """

    best: Tensor
    ahead: Tensor


@dataclass(frozen=True)
class Square(EvasionAttack):
    """Square attack: random search that changes one square of the image at a time.

    Keeps a change when the model's lead over the attacker shrinks; the squares shrink with time.
    It needs scores only, so it is the control for gradients that mislead.

    Threat model: black box with scores, L-inf or L2, fixed budget; targeted or not.
    Cost: `queries` per sample; a sample that succeeds stops.
    Source: Andriushchenko et al. 2020, arXiv:1912.00049, algorithms 1 to 3.
    Differs from the paper: the schedule of sizes is scaled from its 10 000 queries to `queries`;
    several changes are tried at once, 1 at first and 15 after 2000 queries, of which the best is
    kept, and the next query combines all that helped; a change that would leave the candidate as it
    is takes the other sign, so no query is wasted; a targeted attack follows the margin too; of a
    vector, random features take a square's place, each with its own sign.

    Args:
        queries: per sample.
        share: share of the input that the first square covers.
    """

    queries: int = 500
    share: float = 0.8

    card = Card("square", "Square attack", paper="arxiv:1912.00049")
    threats = frozenset({"linf", "l2"})
    needs = frozenset({Offer.SCORES})

    @property
    def steps(self) -> int:  # type: ignore[override]
        """The rounds of queries."""
        return len(_rounds(self.queries))

    def start(self, model: Model, state: State, threat: Ball) -> State:
        first = stripes if threat.norm == "linf" else tiles
        delta = first(state.streams, state.x.shape[1:], state.x.dtype)
        ahead = torch.full_like(state.sign, float("inf"))
        return replace(
            state.extended(SquareState, best=state.x, ahead=ahead),
            x=state.origin + threat.eps * delta.reshape(state.x.shape) * threat.unit(state.x),
        )

    def step(self, model: Model, state: SquareState, look: Look, threat: Ball) -> State:
        state = _keep_better(state, state.x, lead(state, look.logits))
        asked, count = _rounds(self.queries)[look.step]
        share = self._share_at(asked)
        propose = _propose_linf if threat.norm == "linf" else _propose_l2
        if count == 0:
            return replace(state, x=propose(state, 1, share, threat))
        tries = propose(state, count, share, threat).unflatten(0, (-1, count))
        ahead = leads(model, state, tries).nan_to_num(nan=float("inf"))
        least, order = ahead.sort(1)
        helped = least < state.ahead[:, None]
        first = pick(tries, order[:, 0])
        better = _keep_better(state, first, least[:, 0])
        more = propose(better, 1, share, threat)
        if helped[:, 1:].any():
            both = torch.where(first == state.best, pick(tries, order[:, 1]), first)
            more = torch.where(per_sample(helped[:, 1:].any(1), more), both, more)
        # the driver has to see an error that was found here
        is_error = helped[:, 0] & (least[:, 0] < 0)
        return replace(better, x=torch.where(per_sample(is_error, more), first, more))

    def passes_ahead(self, step: int) -> int:
        rounds = _rounds(self.queries)
        return 1 + (rounds[step][1] if step < len(rounds) else 0)

    def _share_at(self, step: int) -> float:
        time = step / self.queries * 10_000
        return self.share / 2 ** sum(time > after for after in HALVED_AFTER)


@cache
def _rounds(queries: int) -> list[tuple[int, int]]:
    """List for each round the queries before it, and how many changes it tries before the look."""
    rounds, asked = [], 1
    while asked < queries:
        count = max(count for after, count in TOGETHER.items() if asked >= after)
        rounds.append((asked, min(count, queries - asked - 1)))
        asked += 1 + rounds[-1][1]
    return rounds


def _keep_better(state: SquareState, x: Tensor, ahead: Tensor) -> SquareState:
    is_better = ahead < state.ahead
    return replace(
        state,
        best=torch.where(per_sample(is_better, x), x, state.best),
        ahead=torch.where(is_better, ahead, state.ahead),
    )


def _propose_linf(state: SquareState, count: int, share: float, threat: Ball) -> Tensor:
    """Move squares to a corner of the ball, chosen for each channel (algorithm 2)."""
    shape, movable = state.x.shape[1:], _movable(threat.unit(state.x))
    place = random_places(state.streams, count, shape, share, movable)[:, None]
    signs = (shape[0], 1) if len(shape) == 3 else (1, place.shape[2])
    is_up = random_sign(state.streams, (count, *signs), state.x.dtype) > 0
    place = place.unflatten(0, (-1, count)).expand(-1, -1, signs[0], -1)

    def each(values: Tensor) -> Tensor:
        return _channels(values)[:, None].expand(-1, count, -1, -1)

    # the driver's box is no larger than the ball, so its ends are the corners
    low, high = each(state.low).gather(3, place), each(state.high).gather(3, place)
    corner = torch.where(is_up, high, low)
    is_same = (corner == each(state.best).gather(3, place)).all(3).all(2)[:, :, None, None]
    corner = torch.where(is_same, torch.where(is_up, low, high), corner)
    return each(state.best).scatter(3, place, corner).reshape(-1, *shape)


def _propose_l2(state: SquareState, count: int, share: float, threat: Ball) -> Tensor:
    """Move the length of a second square, and what is unused, to the first (algorithm 3)."""
    shape, unit, movable = state.x.shape[1:], threat.unit(state.x), _movable(threat.unit(state.x))
    to, hump = random_hump(state.streams, count, shape, share, movable)
    source = random_part(state.streams, count, shape, share, movable)
    signs = random_sign(state.streams, (count, len(_channels(unit[None])[0])), unit.dtype)
    state = state.take(torch.arange(len(state.x), device=unit.device).repeat_interleave(count))
    delta = state.best - state.origin
    nu = _channels(torch.where(unit > 0, delta / unit, torch.zeros_like(delta)))
    sign = signs.reshape(-1, nu.shape[1], 1)
    tiny = torch.finfo(nu.dtype).tiny
    old = nu * to
    new = sign * hump + old / old.norm(dim=2, keepdim=True).clamp_min(tiny)
    both = to | source
    unused = (threat.eps**2 - nu.square().sum((1, 2), keepdim=True)).clamp_min(0)
    length = ((nu * both).square().sum(2, keepdim=True) + unused / nu.shape[1]).sqrt()
    new = new / new.norm(dim=2, keepdim=True).clamp_min(tiny) * length
    moved = torch.where(both, new, nu)
    x = state.origin + moved.reshape(state.x.shape) * unit
    return state.box(threat.hold(state.origin, x, state.theta, is_bounded=True)[0])


def _movable(unit: Tensor) -> Tensor:
    """Give (S,) numbers that are 0 where nothing can change."""
    return _channels(unit[None])[0].amax(0)


def _channels(x: Tensor) -> Tensor:
    """Lay out inputs as (N, C, S): an image's channels, or one channel of features."""
    return x.flatten(2) if x.ndim == 4 else x[:, None]
