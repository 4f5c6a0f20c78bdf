from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.boundaries import nearest_boundary
from roadworthy.attacks.losses import lead
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball

MARGIN = 1e-3  # logits beyond the boundary


@dataclass(frozen=True)
class UAP(EvasionAttack):
    """Universal adversarial perturbation: one change that makes most inputs errors.

    Goes through the inputs that the change does not fool yet and adds what DeepFool would to fool
    them, held to the ball. Look at `theta` of the result for the change itself, before clipping.

    Threat model: white box, L-inf or L2, fixed budget; one change for all samples; targeted or not.
    Cost: `steps` times one forward pass of all samples and, of those not yet fooled, `inner` steps
    of DeepFool.
    Source: Moosavi-Dezfooli et al. 2016, arXiv:1610.08401, algorithm 1.
    Differs from the paper: inputs are fooled in small groups, whose changes are added, not one by
    one; DeepFool compares three classes and makes few steps; the change that fools most is kept.

    Args:
        steps: passes over all samples at most.
        group: samples that are fooled at a time.
        inner: steps of DeepFool for each group.
        candidates: classes whose boundaries DeepFool compares.
    """

    steps: int = 10
    group: int = 64
    inner: int = 5
    candidates: int = 3

    card = Card("uap", "Universal adversarial perturbation", paper="arxiv:1610.08401")
    threats = frozenset({"linf", "l2"})
    needs = frozenset({Offer.GRADIENTS})
    is_universal = True
    expected_failures = {
        "test_a_sample_alone_ends_as_it_does_in_a_batch": "one change serves all samples of a run",
        "test_it_leaves_out_samples_that_are_already_wrong": "as above: the other half shapes it",
        "test_fixed_features_do_not_move": "one change cannot leave both sides of a hyperplane",
    }

    def start(self, model: Model, state: State, threat: Ball) -> State:
        return replace(state, theta=torch.zeros_like(state.x).flatten(1))

    def step(self, model: Model, state: State, look: Look, threat: Ball) -> State:
        change = state.theta[:1].reshape(1, *state.x.shape[1:])
        left = (lead(state, look.logits) >= 0).nonzero()[:, 0]
        order = left.roll(look.step * self.group)  # not the same samples always have the last word
        for rows in order.split(self.group):  # the change that one group leaves is the next one's
            added = self._fool(model, state.take(rows), change, threat)
            change = threat.project(change + added.sum(0, keepdim=True))
        x = state.origin + change
        return replace(state, x=x, theta=change.flatten(1).expand(len(x), -1).clone())

    def _fool(self, model: Model, state: State, change: Tensor, threat: Ball) -> Tensor:
        """Give what takes inputs (G, …) with the change over the nearest boundary: (G, …)."""
        moved = torch.zeros_like(state.x)
        for _ in range(self.inner):
            look = Look(model, state.box(state.origin + change + moved), True)
            move = nearest_boundary(state, look, threat, MARGIN, self.candidates)
            is_fooled = per_sample(lead(state, look.logits) < 0, move)
            moved = moved + torch.where(is_fooled, 0, move)
        return moved

    def passes_ahead(self, step: int) -> int:
        return 2 + self.inner * (1 + self.candidates)
