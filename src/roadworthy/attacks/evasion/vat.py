from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from roadworthy.attacks.directions import steepest
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class VATState(State):
    """Where the power iteration stands.

    Args:
        clean: the model's logits for the inputs themselves, (N, K).
    """

    clean: Tensor


@dataclass(frozen=True)
class VAT(EvasionAttack):
    """Virtual adversarial perturbation: the direction in which the model's answer changes fastest.

    It needs no label: power iteration finds the direction of the largest curvature of the
    divergence between the answers at the input and near it.

    Threat model: white box, L2, fixed budget; no class to reach.
    Cost: `iterations` gradients and three forward passes per sample.
    Source: Miyato et al. 2015, arXiv:1507.00677, algorithm 1.
    Differs from the paper: the curvature is the same along a direction and against it, so both ends
    are tried; the probe's length is relative to the radius, as 1e-6 vanishes in 32-bit numbers; ten
    iterations instead of one.

    Args:
        iterations: of the power method.
        xi: length of the probe, as a share of the radius.
    """

    iterations: int = 10
    xi: float = 0.01

    card = Card(
        "vat", "Virtual adversarial perturbation", aliases=("va",), paper="arxiv:1507.00677"
    )
    threats = frozenset({"l2"})
    needs = frozenset({Offer.GRADIENTS})
    is_targetable = False

    @property
    def steps(self) -> int:  # type: ignore[override]
        """The iterations, a first look and the second end."""
        return self.iterations + 2

    def start(self, model: Model, state: State, threat: Ball) -> State:
        return state.extended(VATState, clean=state.y.new_zeros(len(state.y), 1))

    def step(self, model: Model, state: VATState, look: Look, threat: Ball) -> State:
        unit, delta = threat.unit(state.x), state.x - state.origin
        if look.step == self.steps - 1:
            return replace(state, x=state.origin - delta)
        if look.step == 0:
            noise = state.streams.normal(state.x.shape[1:], state.x.dtype)
            state, direction = replace(state, clean=look.logits), steepest(noise, "l2", unit)
        else:
            direction = steepest(look.gradient(_divergence(state.clean)), "l2", unit)
        length = self.xi if look.step < self.iterations else 1.0
        return replace(state, x=state.origin + length * threat.eps * direction)


def _divergence(clean: Tensor) -> Callable[[Tensor], Tensor]:
    """Give the Kullback-Leibler divergence from the answer at the input: logits (N, K) to (N,)."""
    # in 64 bits, or the difference of two probabilities near 1 would be nothing but rounding
    before = clean.double().log_softmax(1)

    def divergence(logits: Tensor) -> Tensor:
        return (before.exp() * (before - logits.double().log_softmax(1))).sum(1)

    return divergence
