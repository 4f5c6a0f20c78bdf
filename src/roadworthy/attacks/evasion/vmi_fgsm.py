from dataclasses import dataclass, replace

from torch import Tensor

from roadworthy.attacks.directions import steepest
from roadworthy.attacks.losses import log_odds
from roadworthy.attacks.momentum import MomentumState, gather
from roadworthy.attacks.views import mean_gradient
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.threat import Ball


@dataclass(frozen=True)
class VMIFGSMState(MomentumState):
    """Where the attack stands.

    Args:
        variance: how the gradients around the last candidate differed from its own, (N, …).
    """

    variance: Tensor


@dataclass(frozen=True)
class VMIFGSM(EvasionAttack):
    """Variance-tuned momentum FGSM: each gradient is corrected by those of the last neighborhood.

    The correction takes out what holds at a single point only, so the momentum follows what is
    common to a region, and to other networks.

    Threat model: white box or by transfer, L-inf, fixed budget; targeted or not.
    Cost: `steps` times `neighbors` + 1 gradients per sample; a sample that succeeds stops.
    Source: Wang, He 2021, arXiv:2103.15571, algorithm 1.
    Differs from the paper: the gradient is that of the log-odds, which has the cross-entropy's
    direction but does not vanish; a step is twice as long, which finds more on the same network and
    on others.

    Args:
        steps: gradient steps per sample.
        rel_step: length of a step, as a share of the radius; the paper's is 1 / `steps`.
        mu: what stays of the running sum with each step.
        neighbors: points drawn around each candidate.
        beta: how far away they are at most, as a multiple of the radius.
    """

    steps: int = 10
    rel_step: float = 0.2
    mu: float = 1.0
    neighbors: int = 20
    beta: float = 1.5

    card = Card("vmi-fgsm", "Variance-tuned momentum FGSM", paper="arxiv:2103.15571")
    threats = frozenset({"linf"})
    needs = frozenset({Offer.GRADIENTS})

    def start(self, model: Model, state: State, threat: Ball) -> State:
        zeros = state.x * 0
        return state.extended(VMIFGSMState, velocity=zeros, variance=zeros)

    def step(self, model: Model, state: VMIFGSMState, look: Look, threat: Ball) -> State:
        unit, loss = threat.unit(state.x), log_odds(state)
        gradient = look.gradient(loss)
        velocity = gather(state.velocity, gradient + state.variance, self.mu, unit)
        shape = (self.neighbors, *state.x.shape[1:])
        noise = (2 * state.streams.uniform(shape, state.x.dtype) - 1).movedim(1, 0)
        away = self.beta * threat.eps * noise * unit
        variance = mean_gradient(model, state.x, lambda x: x + away, loss) - gradient
        x = state.x + self.rel_step * threat.eps * steepest(velocity, "linf", unit)
        return replace(state, x=x, velocity=velocity, variance=variance)

    def passes_ahead(self, step: int) -> int:
        return 2 * (1 + self.neighbors)
