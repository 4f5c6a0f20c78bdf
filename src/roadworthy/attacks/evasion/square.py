from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.losses import lead
from roadworthy.attacks.patches import random_hump, random_part, random_sign, stripes, tiles
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball

HALVED_AFTER = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # of 10 000 queries


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
    Cost: `steps` queries per sample; a sample that succeeds stops.
    Source: Andriushchenko et al. 2020, arXiv:1912.00049, algorithms 1 to 3.
    Differs from the paper: the schedule of sizes is scaled from its 10 000 queries to `steps`; a
    change that would leave the candidate as it is takes the other sign, so no query is wasted; a
    targeted attack follows the margin too; of a vector, random features take a square's place,
    each with its own sign.

    Args:
        steps: queries per sample.
        share: share of the input that the first square covers.
    """

    steps: int = 500
    share: float = 0.8

    card = Card("square", "Square attack", paper="arxiv:1912.00049")
    threats = frozenset({"linf", "l2"})
    needs = frozenset({Offer.SCORES})

    def start(self, model: Model, state: State, threat: Ball) -> State:
        first = stripes if threat.norm == "linf" else tiles
        delta = first(state.streams, state.x.shape[1:], state.x.dtype)
        ahead = torch.full_like(state.sign, float("inf"))
        return replace(
            state.extended(SquareState, best=state.x, ahead=ahead),
            x=state.origin + threat.eps * delta.reshape(state.x.shape) * threat.unit(state.x),
        )

    def step(self, model: Model, state: SquareState, look: Look, threat: Ball) -> State:
        ahead = lead(state, look.logits)
        is_better = ahead < state.ahead
        state = replace(
            state,
            best=torch.where(per_sample(is_better, state.x), state.x, state.best),
            ahead=torch.where(is_better, ahead, state.ahead),
        )
        propose = _propose_linf if threat.norm == "linf" else _propose_l2
        return replace(state, x=propose(state, self._share_at(look.step + 1), threat))

    def _share_at(self, step: int) -> float:
        time = step / self.steps * 10_000
        return self.share / 2 ** sum(time > after for after in HALVED_AFTER)


def _propose_linf(state: SquareState, share: float, threat: Ball) -> Tensor:
    """Move the square to a corner of the ball, chosen for each channel (algorithm 2)."""
    shape, unit = state.x.shape[1:], threat.unit(state.x)
    part = random_part(state.streams, shape, share, _movable(unit))
    signs = (shape[0], 1) if len(shape) == 3 else (1, shape[0])
    sign = random_sign(state.streams, signs, state.x.dtype)

    def candidate(sign: Tensor) -> Tensor:
        inside = part.expand(-1, signs[0], -1).reshape(state.x.shape)
        corner = sign.expand(-1, -1, part.shape[2]).reshape(state.x.shape)
        return state.box(torch.where(inside, state.origin + threat.eps * corner * unit, state.best))

    first = candidate(sign)
    is_same = (first == state.best).flatten(1).all(1)
    if not is_same.any():
        return first
    return torch.where(per_sample(is_same, first), candidate(-sign), first)


def _propose_l2(state: SquareState, share: float, threat: Ball) -> Tensor:
    """Move the length of a second square, and what is unused, to the first (algorithm 3)."""
    shape, unit = state.x.shape[1:], threat.unit(state.x)
    delta = state.best - state.origin
    nu = _channels(torch.where(unit > 0, delta / unit, torch.zeros_like(delta)))  # (N, C, S)
    movable = _movable(unit)
    to, hump = random_hump(state.streams, shape, share, movable)
    source = random_part(state.streams, shape, share, movable)
    sign = random_sign(state.streams, (nu.shape[1], 1), nu.dtype)
    tiny = torch.finfo(nu.dtype).tiny
    old = nu * to
    new = sign * hump + old / old.norm(dim=2, keepdim=True).clamp_min(tiny)
    both = to | source
    unused = (threat.eps**2 - nu.square().sum((1, 2), keepdim=True)).clamp_min(0)
    length = ((nu * both).square().sum(2, keepdim=True) + unused / nu.shape[1]).sqrt()
    new = new / new.norm(dim=2, keepdim=True).clamp_min(tiny) * length
    moved = torch.where(both, new, nu)
    return state.origin + moved.reshape(state.x.shape) * unit


def _movable(unit: Tensor) -> Tensor:
    """Give (S,) numbers that are 0 where nothing can change."""
    return _channels(unit[None])[0].amax(0)


def _channels(x: Tensor) -> Tensor:
    """Lay out inputs as (N, C, S): an image's channels, or one channel of features."""
    return x.flatten(2) if x.ndim == 4 else x[:, None]
