from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import softplus

from roadworthy.attacks.losses import log_odds
from roadworthy.attacks.parameters import by_theta
from roadworthy.attacks.schedules import cosine
from roadworthy.attacks.threats.patch import PLACEMENT, Patch
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer


@dataclass(frozen=True)
class AdversarialPatch(EvasionAttack):
    """Adversarial patch: one printed square that misleads the model wherever it lies.

    The patch is made for all samples together and for random places, angles and scales, drawn
    afresh for each sample at each step. A step's patch is judged where the next draw puts it, which
    its making has not seen. The best step counts; so, over many steps, the rate of success is a
    little flattering, and a new draw of places would be fooled a little less often. The patch is in
    the result's `theta`, after the four numbers of its placement.

    Threat model: white box, patch, one patch for all samples; targeted or not.
    Cost: `steps` gradients per sample.
    Source: Brown et al. 2017, arXiv:1712.09665, section 2.
    Differs from the paper: steps follow the sign of the gradient, and shorten over time.

    Args:
        steps: gradient steps.
        rel_step: length of the first step, of a range of 1; it ends at a tenth of it.
        min_share: least scale that is drawn, as a share of the largest allowed.
    """

    steps: int = 200
    rel_step: float = 0.1
    min_share: float = 0.5

    card = Card(
        "adversarial-patch",
        "Adversarial patch",
        aliases=("AP", "adversarial patch"),
        paper="arxiv:1712.09665",
    )
    threats = frozenset({"patch"})
    needs = frozenset({Offer.GRADIENTS})
    is_universal = True
    takes_images_only = True
    expected_failures = {
        "test_a_sample_alone_ends_as_it_does_in_a_batch": "all samples together make the patch"
    }

    def start(self, model: Model, state: State, threat: Patch) -> State:
        return self._placed(state, state.theta[:, PLACEMENT:], threat)

    def step(self, model: Model, state: State, look: Look, threat: Patch) -> State:
        odds = log_odds(state)
        # the cross-entropy: it leaves samples alone on which the patch works already
        gradient = look.gradient(lambda logits: -softplus(-odds(logits)))
        slope = by_theta(gradient, state, threat)[:, PLACEMENT:].sum(0)
        length = cosine(self.rel_step, self.rel_step / 10, look.step, self.steps)
        return self._placed(state, state.theta[:, PLACEMENT:] + length * slope.sign(), threat)

    def _placed(self, state: State, pixels: Tensor, threat: Patch) -> State:
        """Put the patch somewhere else in each sample, all of it in the image where it fits."""
        low, high = (end[:PLACEMENT] for end in threat.reach(state.origin))
        scale, angle, *place = state.streams.uniform((PLACEMENT,), pixels.dtype).unbind(1)
        scale = high[0] * (self.min_share + (1 - self.min_share) * scale)
        shape = state.origin.shape[2:]
        room = [(1 - scale * min(shape) / length).clamp_min(0) for length in shape]
        moved = [(at - 0.5) * free for at, free in zip(place, room, strict=True)]
        placement = torch.stack([scale, low[1] + (high[1] - low[1]) * angle, *moved], 1)
        return replace(state, theta=torch.cat([placement, pixels], 1))
