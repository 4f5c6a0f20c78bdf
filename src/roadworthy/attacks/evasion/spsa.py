from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.decisions import boxed, leads
from roadworthy.attacks.patches import random_sign
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball

AT_ONCE = 10  # directions in memory at a time: few enough for a processor's cache
BETAS = 0.9, 0.999  # of Adam


@dataclass(frozen=True)
class SPSAState(State):
    """Where the descent stands.

    Args:
        first: Adam's mean of the gradients, (N, …).
        second: Adam's mean of their squares, (N, …).
    """

    first: Tensor
    second: Tensor


@dataclass(frozen=True)
class SPSA(EvasionAttack):
    """SPSA: descent along gradients that are estimated from scores.

    Looks at the model's lead on both sides of the candidate, in random directions of plus and minus
    one; Adam steps along the mean difference. It works where gradients mislead.

    Threat model: black box with scores, L-inf or L2, fixed budget; targeted or not.
    Cost: 2 `directions` + 1 queries per step and sample; a sample that succeeds stops.
    Source: Uesato et al. 2018, arXiv:1802.05666, algorithm 1; Spall 1992, doi:10.1109/9.119632.
    Differs from the paper: lengths are shares of the radius, so that they suit any unit, in L2 of
    its share of one feature; both sides are clipped to valid values before they are looked at.

    Args:
        steps: of Adam, per sample.
        directions: per gradient.
        rel_probe: how far the two sides are, as a share of the radius.
        rel_step: Adam's step, as a share of the radius.
    """

    steps: int = 100
    directions: int = 32
    rel_probe: float = 0.1
    rel_step: float = 0.1

    card = Card(
        "spsa",
        "Simultaneous perturbation stochastic approximation",
        aliases=("SPSA",),
        paper="arxiv:1802.05666",
    )
    threats = frozenset({"linf", "l2"})
    needs = frozenset({Offer.SCORES})

    def passes_ahead(self, step: int) -> int:
        return 1 + 2 * self.directions

    def start(self, model: Model, state: State, threat: Ball) -> State:
        zeros = torch.zeros_like(state.x)
        return state.extended(SPSAState, first=zeros, second=zeros)

    def step(self, model: Model, state: SPSAState, look: Look, threat: Ball) -> State:
        unit = threat.unit(state.x)
        length = threat.eps
        if threat.norm == "l2":
            length = length / float((unit > 0).sum()) ** 0.5
        slope = self._slope(model, state, self.rel_probe * length * unit)
        # Adam sees features in units; the lead is to fall
        gradient = slope * unit
        first = BETAS[0] * state.first + (1 - BETAS[0]) * gradient
        second = BETAS[1] * state.second + (1 - BETAS[1]) * gradient.square()
        mean = first / (1 - BETAS[0] ** (look.step + 1))
        spread = (second / (1 - BETAS[1] ** (look.step + 1))).sqrt()
        tiny = torch.finfo(spread.dtype).tiny
        moved = self.rel_step * length * unit * mean / spread.clamp_min(tiny)
        return replace(state, x=state.x - moved, first=first, second=second)

    def _slope(self, model: Model, state: State, reach: Tensor) -> Tensor:
        """Estimate the derivative of the model's lead by the candidate: (N, …).

        Args:
            model: gives scores.
            state: the candidates.
            reach: how far the two sides are, shaped like an input; 0 where nothing can move.
        """
        total = torch.zeros_like(state.x)
        for first in range(0, self.directions, AT_ONCE):
            shape = (min(AT_ONCE, self.directions - first), *state.x.shape[1:])
            signs = random_sign(state.streams, shape, state.x.dtype)
            away = signs * reach
            center = state.x[:, None]
            sides = torch.cat([center + away, center - away], 1)
            ahead = leads(model, state, boxed(state, sides))
            up, down = ahead.chunk(2, 1)
            change = (up - down).nan_to_num(nan=0.0, posinf=0.0, neginf=0.0) / 2
            total += (change[:, None] @ signs.flatten(2)).reshape(total.shape)
        mean = total / self.directions
        return torch.where(reach > 0, mean / reach, 0)
