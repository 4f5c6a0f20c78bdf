from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.decisions import TRIES, are_errors, first_error, pick
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball

PREFIXES = 10  # numbers of features that are reset at a time: all, half, a quarter, …


@dataclass(frozen=True)
class PointwiseState(State):
    """Where the search stands.

    Args:
        is_settled: the feature was tried in this round and has to stay, (N, D) bool.
        has_changed: something was reset in this round, (N,) bool.
        is_minimal: no feature can be reset without losing the error, (N,) bool.
    """

    is_settled: Tensor
    has_changed: Tensor
    is_minimal: Tensor


@dataclass(frozen=True)
class Pointwise(EvasionAttack):
    """Pointwise attack: undo a noise feature by feature, as long as the model errs.

    What is left is minimal: setting any single feature back to the original loses the error. In L2
    each feature that is left then moves as near to the original as it can.

    Threat model: black box with labels, L0 or L2, minimal norm; targeted or not. It starts from
    another input where a pool was given, which a targeted attack needs, else from random inputs.
    Cost: `singles` + 11 queries per step and sample, fewer steps where the end is reached; 40 to
    start, nine to shorten and verify.
    Source: Schott et al. 2018, arXiv:1805.09190, section 4 and appendix.
    Differs from the paper: a step tries many resets at once, single ones and ever larger groups,
    and keeps the largest group that leaves an error; in L2 it begins with the features that are
    farthest off, and tries several places between a feature and its original at once.

    Args:
        steps: per sample.
        singles: features that are tried alone per step, or places of one feature.
    """

    steps: int = 500
    singles: int = 20

    card = Card(
        "pointwise",
        "Pointwise attack",
        aliases=("PointwiseAttack", "pointwise attack"),
        paper="arxiv:1805.09190",
    )
    threats = frozenset({"l0", "l2"})
    needs = frozenset({Offer.LABELS})
    is_minimal = True
    ends_at_success = False

    def passes_ahead(self, step: int) -> int:
        return 1 + TRIES * (step == 0) + PREFIXES + self.singles

    def start(self, model: Model, state: State, threat: Ball) -> State:
        x, is_error = first_error(model, state, threat)
        no = torch.zeros_like(is_error)
        state = state.extended(
            PointwiseState,
            is_settled=torch.zeros_like(x, dtype=torch.bool).flatten(1),
            has_changed=no,
            is_minimal=no,
        )
        return replace(state, x=x, finished=~is_error)

    def step(self, model: Model, state: PointwiseState, look: Look, threat: Ball) -> State:
        x, origin = state.x.flatten(1), state.origin.flatten(1)
        order = state.streams.uniform(x.shape[1:], x.dtype)
        if threat.norm == "l2":  # what is farthest off costs most
            unit = threat.unit(state.x).flatten()
            order = -torch.where(unit > 0, (x - origin) / unit, 0).abs()
        is_open = (x != origin) & ~state.is_settled
        # the open ones come first
        rank = order.masked_fill(~is_open, float("inf")).argsort(1).argsort(1)
        resets = self._groups(rank, is_open)
        share = x.new_zeros(1, resets.shape[1], 1)
        if threat.norm == "l2":
            # the first open feature goes to several places, from its original to where it is
            places = torch.linspace(0, 1, resets.shape[1] + 1, dtype=x.dtype, device=x.device)[:-1]
            first = ((rank == 0) & is_open)[:, None].expand_as(resets)
            resets = torch.where(state.is_minimal[:, None, None], first, resets)
            moved = state.is_minimal[:, None, None] * places[None, :, None]
            share = share + moved
        near = origin[:, None] + share * (x - origin)[:, None]
        tries = torch.where(resets, near, x[:, None])
        is_error = are_errors(model, state, tries.reshape(*tries.shape[:2], *state.x.shape[1:]))
        is_error = is_error & resets.any(2)  # a group may be empty: it changes nothing
        chosen, is_hit = is_error.int().argmax(1), is_error.any(1)
        new = torch.where(is_hit[:, None], pick(tries, chosen), x)
        # a feature that was tried alone, or that was moved, is done for this round
        alone = torch.where(is_error, False, resets.sum(2) == 1)
        alone = alone | state.is_minimal[:, None]
        is_settled = state.is_settled | (alone[..., None] & resets).any(1)
        has_changed = state.has_changed | is_hit
        is_over = ((new == origin) | is_settled).all(1)
        is_through = is_over & ~has_changed
        finished = state.finished | (is_through & (state.is_minimal | (threat.norm == "l0")))
        return replace(
            state,
            x=new.reshape(state.x.shape),
            is_settled=is_settled & ~is_over[:, None],
            has_changed=has_changed & ~is_over,
            is_minimal=state.is_minimal | is_through,
            finished=finished,
        )

    def _groups(self, rank: Tensor, is_open: Tensor) -> Tensor:
        """Choose features to reset: (N, PREFIXES + singles, D) bool, the largest groups first."""
        count = is_open.sum(1, keepdim=True)
        halves = 2 ** torch.arange(PREFIXES, device=rank.device)
        ends = (count + halves - 1) // halves  # rounded up
        groups = rank[:, None] < ends[..., None]
        number = torch.arange(self.singles, device=rank.device)
        alone = rank[:, None] == number[None, :, None]
        return torch.cat([groups, alone], 1) & is_open[:, None]
