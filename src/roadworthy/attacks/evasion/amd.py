from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.directions import steepest
from roadworthy.attacks.schedules import cosine
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class AMDState(State):
    """Where the descent stands.

    Args:
        aim: the guide's features, (N, E).
    """

    aim: Tensor


@dataclass(frozen=True)
class AMD(EvasionAttack):
    """Adversarial manipulation of deep features: look to the model like another input.

    Brings the features from inside the model close to those of a guide, an input of another class,
    so the error is not at the last layer only.

    Threat model: white box with embeddings, L-inf, fixed budget; targeted by guides of that class.
    Cost: `steps` gradients of the features and as many queries per sample, and a pass for the
    guide; a sample that succeeds stops.
    Source: Sabour et al. 2015, arXiv:1511.05122, equations 1 and 2.
    Differs from the paper: steps along the gradient's sign that shrink along half a cosine instead
    of L-BFGS; the guide is drawn at random, not from the nearest neighbors.

    Args:
        steps: gradient steps per sample.
        rel_step: length of the first step, as a share of the radius.
    """

    steps: int = 40
    rel_step: float = 0.3

    card = Card(
        "amd", "Adversarial manipulation of deep features", aliases=("fast-feature",),
        paper="arxiv:1511.05122",
    )  # fmt: skip
    threats = frozenset({"linf"})
    needs = frozenset({Offer.GRADIENTS, Offer.EMBEDDINGS})
    takes_guide = True

    def start(self, model: Model, state: State, threat: Ball) -> State:
        assert state.guide is not None  # the driver saw to it
        with torch.no_grad():
            return state.extended(AMDState, aim=model.embed(state.guide))

    def step(self, model: Model, state: AMDState, look: Look, threat: Ball) -> State:
        x = state.x.detach().requires_grad_()
        distance = (model.embed(x) - state.aim).square().sum(1)
        (gradient,) = torch.autograd.grad(distance.sum(), x)
        length = threat.eps * cosine(self.rel_step, 0.0, look.step, self.steps)
        nearer = steepest(-gradient, "linf", threat.unit(x))
        return replace(state, x=state.x + length * nearer)

    def passes_ahead(self, step: int) -> int:
        return 4 if step == 0 else 3  # the look, the features and their gradient; the guide's first
