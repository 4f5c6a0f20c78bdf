from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.lbfgs import Descent, advance, trial
from roadworthy.attacks.losses import lead
from roadworthy.attacks.threats.deformation import Deformation, slopes
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer

LESS = 5.0  # by what tau falls after a round without an error
ROUNDING = 1e-4  # pixels; a difference of flows that small counts as none


@dataclass(frozen=True)
class StAdvState(State):
    """Where the attack stands.

    Args:
        tau: weight of the flow's variation in this round, (N,).
        is_beaten: this round led to an error, (N,).
        descent: L-BFGS on the flow.
    """

    tau: Tensor
    is_beaten: Tensor

    descent: Descent


@dataclass(frozen=True)
class StAdv(EvasionAttack):
    """stAdv: moves an image's pixels along a smooth flow until the model errs.

    Minimizes the model's lead over the attacker, as far as it has one, plus `tau` times the total
    variation of the flow, by L-BFGS; where that finds no error, once more with a smaller `tau`.

    Threat model: white box, deformation of images, minimal; targeted or not.
    Cost: at most `searches` times `length` gradients per sample, often half of it, and nine forward
    passes to shorten and verify.
    Source: Xiao et al. 2018, arXiv:1801.02612, section 3.2.
    Differs from the paper: `tau` falls until there is an error, as a fixed one that suits one image
    keeps another as it is; slopes of the image are taken half a pixel to each side of where a pixel
    reads; the smallest flow of all counts, measured by its longest displacement; the driver
    shortens it in proportion.

    Args:
        searches: values of tau that are tried.
        length: evaluations of the loss for each.
        tau: the first weight of the flow's variation; the next ones are a fifth of the last.
        confidence: by how much the attacker has to lead, in logits.
        memory: steps that L-BFGS remembers.
    """

    searches: int = 4
    length: int = 50
    tau: float = 0.05
    confidence: float = 0.0
    memory: int = 8

    card = Card("stadv", "Spatially transformed examples", paper="arxiv:1801.02612")
    threats = frozenset({"deformation"})
    needs = frozenset({Offer.GRADIENTS})
    is_minimal = True
    ends_at_success = False
    takes_images_only = True

    @property
    def steps(self) -> int:  # type: ignore[override]
        """All evaluations."""
        return self.searches * self.length

    def start(self, model: Model, state: State, threat: Deformation) -> State:
        return state.extended(
            StAdvState,
            tau=torch.full_like(state.sign, self.tau),
            is_beaten=torch.zeros_like(state.sign).bool(),
            descent=Descent.at(state.theta, self.memory),
        )

    def step(self, model: Model, state: StAdvState, look: Look, threat: Deformation) -> State:
        if look.step % self.length == 0 and look.step > 0:
            state = replace(
                state,
                tau=state.tau / LESS,
                finished=state.finished | state.is_beaten,
                descent=Descent.at(state.theta, self.memory),
            )
        flow = state.theta.reshape(-1, 2, *state.x.shape[2:])
        ahead = lead(state, look.logits) + self.confidence
        by_pixel = look.gradient(lambda logits: lead(state, logits))
        slope = (slopes(state.origin, flow) * by_pixel[:, None]).sum(2)
        slope = torch.where((ahead > 0)[:, None], slope.flatten(1), 0)
        variation, rough = _variation(flow)
        value = ahead.clamp_min(0) + state.tau * variation
        low, _, high = threat.bounds(state.x)
        gradient = slope + state.tau[:, None] * rough.flatten(1)
        descent = advance(state.descent, state.theta, value, gradient, low, high)
        return replace(
            state,
            theta=trial(descent, low, high),
            is_beaten=state.is_beaten | (ahead < self.confidence),
            descent=descent,
        )


def _variation(flow: Tensor) -> tuple[Tensor, Tensor]:
    """Give the sum of the lengths by which neighbors' flows differ (N,), and its gradient.

    Every pair of neighbors counts twice, as the paper sums over the four neighbors of each pixel.
    """
    total = torch.zeros_like(flow[:, 0, 0, 0])
    gradient = torch.zeros_like(flow)
    for axis in (2, 3):
        count = flow.shape[axis] - 1
        difference = flow.narrow(axis, 1, count) - flow.narrow(axis, 0, count)
        length = (difference.square().sum(1, keepdim=True) + ROUNDING**2).sqrt()
        total = total + 2 * (length - ROUNDING).flatten(1).sum(1)
        pull = 2 * difference / length
        gradient.narrow(axis, 1, count).add_(pull)
        gradient.narrow(axis, 0, count).sub_(pull)
    return total, gradient
