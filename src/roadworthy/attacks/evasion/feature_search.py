from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.decisions import leads, pick
from roadworthy.attacks.losses import lead
from roadworthy.attacks.threats.table import NEVER, Column, TableRules
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer

SIZES = tuple(2.0**-k for k in range(-2, 6))  # of a number's move, in units of what is at stake
BACK = (1.0, 0.5)  # shares of a number's change that a move takes back
SLIGHT = 1e-3  # share of the way, below which nothing counts as gained
NO_GAIN = 1e12  # more than any estimate
CERTAIN = 2.0  # more than any column of a group: it gets the 1


@dataclass(frozen=True)
class FeatureSearchState(State):
    """Where the search stands.

    Args:
        kept: the most promising rows so far, (N, K, D).
        level: by how much the model is ahead there, (N, K).
        ahead: by how much it was ahead at the start, (N,).
        error: the cheapest error so far, (N, D).
        least: its cost, infinite where there is none, (N,).
        idle: steps since it fell, (N,).
    """

    kept: Tensor
    level: Tensor
    ahead: Tensor
    error: Tensor
    least: Tensor
    idle: Tensor


@dataclass(frozen=True)
class FeatureSearch(EvasionAttack):
    """Feature search: try every change of a single column, and go on from the most promising rows.

    A number moves by several lengths, up and down, or back toward where it was; a category becomes
    every other one. Rows are ordered by what the whole way would cost if it went on as it did so
    far. Once there is an error, only cheaper rows are looked at.

    It needs scores only, so it attacks trees and anything else that has no gradient.

    Threat model: black box with scores, a table's rules, minimal cost; targeted or not.
    Cost: `steps` times `width` times the number of single changes, at most `probes`; 18 for a
    number, 1 for each category. Nine more queries to shorten and verify.
    Source: Kulynych et al. 2018, arXiv:1810.10939, its best-first search through a graph of rows
    with a beam.
    Differs from the paper: the estimate of the rest of the way comes from the scores seen so far,
    so it proves no optimality; numbers move by lengths instead of bins.

    Args:
        steps: changes of single columns, one after the other, at most.
        width: rows that are kept at each step.
        probes: single changes of a kept row that are tried, drawn at random where there are more.
        greed: from 1 on; the more, the rather a row that came far is taken before one that came
            cheap.
        patience: steps without a cheaper error after which a row is done.
    """

    steps: int = 30
    width: int = 3
    probes: int = 800
    greed: float = 2.0
    patience: int = 4

    card = Card(
        "feature-search",
        "Search over a table's columns",
        aliases=("graph-search",),
        paper="arxiv:1810.10939",
    )
    threats = frozenset({"table"})
    needs = frozenset({Offer.SCORES})
    is_minimal = True
    ends_at_success = False

    def passes_ahead(self, step: int) -> int:
        return 1 + self.width * self.probes

    def start(self, model: Model, state: State, threat: TableRules) -> State:
        zeros = torch.zeros_like(state.sign)
        return state.extended(
            FeatureSearchState,
            kept=state.x[:, None],
            level=zeros[:, None],
            ahead=zeros,
            error=state.x,
            least=torch.full_like(zeros, NEVER),
            idle=zeros,
        )

    def step(
        self, model: Model, state: FeatureSearchState, look: Look, threat: TableRules
    ) -> State:
        if look.step == 0:
            ahead = lead(state, look.logits)
            state = replace(state, ahead=ahead, level=ahead[:, None])
        tried = self._tried(state, threat)  # (N, K, D)
        count = tried.shape[1]
        origin = state.origin[:, None].expand_as(tried).flatten(0, 1)
        cost = threat.costs(origin, tried.flatten(0, 1)).sum(1).reshape(-1, count)
        ahead = leads(model, state, tried)
        ahead = torch.where(ahead.isnan(), NEVER, ahead)
        is_new = (tried[:, :, None] != state.kept[:, None]).any(3).all(2) & (cost > 0)
        is_cheaper = is_new & (cost < state.least[:, None])
        ends = torch.where(is_cheaper, self._estimate(state, cost, ahead), NEVER)
        errors = torch.where(is_cheaper & (ahead < 0), cost, NEVER)
        best = errors.amin(1)
        is_found = best < NEVER
        idle = torch.where(is_found, 0.0, state.idle + 1)
        is_over = state.least.isfinite() & (idle >= self.patience)
        chosen = _most_promising(ends, ahead, self.width)
        place = torch.where(is_found, errors.argmin(1), ends.argmin(1))
        x, least = pick(tried, place), torch.minimum(state.least, best)
        error = torch.where(is_found[:, None], x, state.error)
        kept = tried.gather(1, chosen[..., None].expand(-1, -1, tried.shape[2]))
        # what may still be taken back from an error is always looked at
        kept[:, -1] = torch.where(least.isfinite()[:, None], error, kept[:, -1])
        return replace(
            state,
            x=x,
            kept=kept,
            level=ahead.gather(1, chosen),
            error=error,
            least=least,
            idle=idle,
            finished=is_over | ends.isinf().all(1),
        )

    def _estimate(self, state: FeatureSearchState, cost: Tensor, ahead: Tensor) -> Tensor:
        """Say what an error may cost (N, K) on the way through candidates."""
        share = (1 - ahead / state.ahead[:, None].clamp_min(1e-12)).clamp_max(1)  # of the way
        total = cost / share.clamp_min(SLIGHT) ** self.greed
        # a step that gains nothing leads on only from an error, where cheaper ones are looked for;
        # of such steps the far ones tell most
        level = state.level.repeat_interleave(ahead.shape[1] // state.level.shape[1], 1)
        is_forward = (ahead < level) | state.least.isfinite()[:, None]
        return torch.where(is_forward & (share > SLIGHT), total, NO_GAIN / cost)

    def _tried(self, state: FeatureSearchState, threat: TableRules) -> Tensor:
        """Give the kept rows with one column of each changed: (N, K, D)."""
        n, kept, width = state.kept.shape
        x = state.kept.flatten(0, 1)
        origin = state.origin.repeat_interleave(kept, 0)
        # around an error the lengths are those of its cost
        reach = torch.where(state.least.isfinite(), state.least, threat.eps or 1.0)
        place, values = _single_changes(threat, origin, x, reach.repeat_interleave(kept)[:, None])
        if values.shape[1] > self.probes:
            order = state.streams.uniform((kept, values.shape[1]), x.dtype).flatten(0, 1)
            chosen = order.argsort(1)[:, : self.probes]
            place, values = place[chosen], values.gather(1, chosen)
        place = place.expand_as(values)[..., None]
        tried = x[:, None].repeat(1, values.shape[1], 1).scatter_(2, place, values[..., None])
        flat = tried.flatten(0, 1)
        origin = origin.repeat_interleave(values.shape[1], 0)
        held, _ = threat.hold(origin, flat, flat[:, :0], is_bounded=False)
        held = held.reshape(n, -1, width)
        return torch.minimum(torch.maximum(held, state.low[:, None]), state.high[:, None])


def _single_changes(
    threat: TableRules, origin: Tensor, x: Tensor, reach: Tensor
) -> tuple[Tensor, Tensor]:
    """List what a single column of rows (N, D) can become: its place (M,), values (N, M).

    Args:
        threat: the rules.
        origin: (N, D) rows under attack.
        x: (N, D) what they have become.
        reach: (N, 1) cost by which lengths are measured.
    """
    columns = threat.columns or (Column(),) * x.shape[1]
    ways = [reach * threat.reach(origin, x, torch.full_like(x, sign)) for sign in (-1.0, 1.0)]
    places, values = [], []
    for k, column in enumerate(columns):  # each kind has changes of its own
        old = x[:, k]
        if column.group or column.codes:
            news = [CERTAIN] if column.group else range(column.codes)
            made = [torch.full_like(old, float(new)) for new in news]
        else:
            made = [old + share * (origin[:, k] - old) for share in BACK]
            for way, sign in zip(ways, (-1, 1), strict=True):
                lengths = [(size * way[:, k]).clamp_min(column.step) for size in SIZES]
                made += [old + sign * length for length in lengths]
        places += [k] * len(made)
        values += made
    return torch.tensor(places, device=x.device), torch.stack(values, 1)


def _most_promising(ends: Tensor, ahead: Tensor, width: int) -> Tensor:
    """Give the places (N, width) of what ends cheapest; of the same row one copy."""
    order = ends.argsort(dim=1, stable=True)
    cost, ahead = ends.gather(1, order), ahead.gather(1, order)
    is_copy = (cost[:, 1:] == cost[:, :-1]) & (ahead[:, 1:] == ahead[:, :-1])
    is_copy = torch.nn.functional.pad(is_copy, (1, 0))
    rank = torch.where(is_copy, NEVER, cost).argsort(dim=1, stable=True)[:, :width]
    # where there are fewer, the first one takes the others' places
    is_none = cost.gather(1, rank).isinf() | is_copy.gather(1, rank)
    return order.gather(1, torch.where(is_none, rank[:, :1], rank))
