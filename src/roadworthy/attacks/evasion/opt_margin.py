from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from roadworthy.attacks.constants import DescentState, begin, descend, first_constant, record
from roadworthy.attacks.directions import in_units
from roadworthy.attacks.losses import lead, toward_nearest
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class OptMarginState(DescentState):
    """Where OptMargin stands.

    The driver sees only what has the margin, so that it keeps nothing nearer that has not.

    Args:
        inner: the candidates under work, (N, …).
        noise: none, and random changes orthogonal to each other, (N, V, …).
        count: on how many of these the model errs around `best`, (N,).
        nearest: distance of `best`, (N,).
        best: the nearest of the candidates that it errs around most, (N, …).
    """

    inner: Tensor
    noise: Tensor
    count: Tensor
    nearest: Tensor
    best: Tensor


@dataclass(frozen=True)
class OptMargin(EvasionAttack):
    """OptMargin: an error that noise does not undo, as the model errs all around it.

    Carlini and Wagner's attack with the model's lead summed over the candidate and over
    perturbations of it in random orthogonal directions; it evades defenses that vote in a small
    region around an input.

    Threat model: white box, L2, fixed budget; targeted or not. The nearest candidate counts around
    which the model errs in all directions; at the end one around which it errs in most.
    Cost: at most `steps` times `directions` gradients per sample, and a pass per step to judge.
    Source: He, Li, Song 2018, openreview:BkpiPMbA-, section 3.
    Differs from the paper: 200 steps in all, not 4000; perturbed inputs are clipped to valid
    values; the candidate is held to the budget, and to the box by projection, not by a tanh;
    gradient descent with momentum takes Adam's place; c starts where a linear model would need it
    and is searched for in proportion.

    Args:
        steps: gradient steps per sample, in all rounds together.
        searches: rounds, each with its own c.
        rate: length of the first steps of a round, as a share of the gradient.
        momentum: share of a step that the next one repeats, in [0, 1).
        directions: how many perturbations, no perturbation included.
        magnitude: root mean square of a perturbation's features, in units.
    """

    steps: int = 200
    searches: int = 4
    rate: float = 0.1
    momentum: float = 0.7
    directions: int = 20
    magnitude: float = 0.3

    card = Card(
        "opt-margin", "OptMargin", aliases=("om", "optmargin"), paper="openreview:BkpiPMbA-"
    )
    threats = frozenset({"l2"})
    needs = frozenset({Offer.GRADIENTS})
    ends_at_success = False

    def start(self, model: Model, state: State, threat: Ball) -> State:
        zeros = torch.zeros_like(state.sign)
        return begin(
            state,
            OptMarginState,
            velocity=torch.zeros_like(state.x),
            inner=state.origin,
            noise=self._noise(state, threat.unit(state.x)),
            count=torch.zeros_like(state.y),
            nearest=zeros + float("inf"),
            best=state.origin,
        )

    def step(self, model: Model, state: OptMarginState, look: Look, threat: Ball) -> State:
        unit = threat.unit(state.x)
        delta = in_units(state.inner - state.origin, unit)
        ahead, gradient = self._around(model, state)
        gradient = gradient * unit
        worst = ahead.amax(1)
        if look.step == 0:
            state = replace(state, constant=first_constant(worst, gradient))
        size = delta.flatten(1).norm(dim=1)
        state = _remember(state, ahead, size)
        penalty = state.constant * ahead.clamp_min(0).mean(1)
        state = record(state, worst < 0, size.square() + penalty)
        pull = per_sample(state.constant, delta) * gradient
        state, delta = descend(state, delta, pull, self)
        has_margin = state.count == self.directions
        is_shown = has_margin | state.finished | (look.step + 1 == self.steps)
        return replace(
            state,
            inner=state.box(state.origin + threat.project(delta * unit)),
            x=torch.where(per_sample(is_shown, delta), state.best, state.origin),
        )

    def passes_ahead(self, step: int) -> int:
        return 1 + 2 * self.directions

    def _noise(self, state: State, unit: Tensor) -> Tensor:
        """Draw directions that are orthogonal in units, behind one that is none."""
        n, features = len(state.x), unit.numel()
        drawn = state.streams.normal((features, self.directions - 1), state.x.dtype)
        # in fewer dimensions than directions the rest are zero: no perturbation either
        vectors = torch.linalg.qr(drawn).Q.transpose(1, 2)
        noise = drawn.new_zeros(n, self.directions, features)
        noise[:, 1 : 1 + vectors.shape[1]] = self.magnitude * features**0.5 * vectors
        return noise.reshape(n, self.directions, *unit.shape) * unit

    def _around(self, model: Model, state: OptMarginState) -> tuple[Tensor, Tensor]:
        """Give the model's lead at the perturbed inputs (N, V), and the mean way to errors."""
        n, count = state.noise.shape[:2]
        rows = torch.arange(n, device=state.x.device).repeat_interleave(count)
        # only what every attack has: the noise once per perturbation would fill the memory
        usual = State(**{part.name: getattr(state, part.name) for part in fields(State)})
        each = replace(usual.take(rows), x=state.inner[rows] + state.noise.flatten(0, 1))
        look = Look(model, each.box(each.x), wants_gradient=True)
        ahead = lead(each, look.logits)
        gradient = look.gradient(toward_nearest(each, state.rounds[rows] > 0))
        gradient = gradient * per_sample(ahead >= 0, gradient)
        return ahead.reshape(n, count), gradient.reshape(n, count, *state.x.shape[1:]).mean(1)


def _remember(state: OptMarginState, ahead: Tensor, size: Tensor) -> OptMarginState:
    """Keep the candidate around which the model errs most, the nearest of several."""
    count = (ahead < 0).sum(1) * (ahead[:, 0] < 0)  # the candidate itself has to be an error
    is_nearer = (count == state.count) & (count > 0) & (size < state.nearest)
    is_better = (count > state.count) | is_nearer
    return replace(
        state,
        count=torch.where(is_better, count, state.count),
        nearest=torch.where(is_better, size, state.nearest),
        best=torch.where(per_sample(is_better, state.x), state.inner, state.best),
    )
