from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.attacks.losses import likeliest_wrong
from roadworthy.core.attack import EvasionAttack, Look, State
from roadworthy.core.card import Card
from roadworthy.core.model import Model, Offer
from roadworthy.core.shapes import per_sample
from roadworthy.core.threat import Ball

SLACK = 1e-3  # in logits: aims this far inside, so that what it converges to fulfils both demands

ROUNDS = 4  # in which features are held at their bounds


@dataclass(frozen=True)
class HCLU(EvasionAttack):
    """High-confidence, low-uncertainty examples: fools a model that says how sure it is.

    Looks for the nearest input to which the model gives another class with `confidence`, at an
    uncertainty of at most `increase` times that of the original. It shows that rejecting uncertain
    inputs is no defense.

    Threat model: white box with gradients and uncertainty, L2, fixed budget; targeted or not.
    Cost: `iterations` gradients of the outputs and as many of the uncertainty per sample.
    Source: Grosse, Smith and Backes 2018, arXiv:1812.02606, section 3.
    Differs from the paper: in place of one run of SLSQP per sample, all samples take steps of
    sequential quadratic programming at once: each goes towards the nearest input that fulfils both
    demands to first order; the uncertainty is that of the class to reach; an untargeted attack
    reaches for the runner-up.

    Args:
        confidence: least probability of the class to reach, in (0, 1).
        increase: factor by which the uncertainty may grow.
        iterations: steps of the solver.
        damping: share of the way to go in each step, in (0, 1].
    """

    confidence: float = 0.95
    increase: float = 100.0
    iterations: int = 50
    damping: float = 0.5

    card = Card(
        "hclu",
        "High-confidence low-uncertainty attack",
        aliases=("high-confidence-low-uncertainty",),
        paper="arxiv:1812.02606",
    )
    threats = frozenset({"l2"})
    needs = frozenset({Offer.GRADIENTS, Offer.UNCERTAINTY})
    steps = 1

    def passes_ahead(self, step: int) -> int:
        return 2 + 1 + 4 * self.iterations

    def step(self, model: Model, state: State, look: Look, threat: Ball) -> State:
        target, unit = _target(state, look.logits), threat.unit(state.x).flatten()
        with torch.no_grad():
            limit = _of(model.uncertainty(state.origin), target).log() + torch.tensor(
                self.increase
            ).log().to(state.sign)
        low, high = (
            torch.where(unit > 0, (end - state.origin).flatten(1) / unit, 0.0)
            for end in (state.low, state.high)
        )
        x, best = state.origin, state.origin.clone()
        least = torch.full_like(state.sign, float("inf"))
        for _ in range(self.iterations):
            values, slopes = self._demands(model, x, target, limit)
            distance = threat.distance(x - state.origin)
            is_better = (values <= 0).all(1) & (distance < least) & threat.allows(distance)
            best = torch.where(per_sample(is_better, x), x, best)
            least = torch.where(is_better, distance, least)
            delta = torch.where(unit > 0, (x - state.origin).flatten(1) / unit, 0.0)
            slopes = slopes * unit
            # the demands to first order: slopes @ u + values + slack <= slopes @ delta
            ends = (slopes * delta[:, None]).sum(2) - values - SLACK
            aim = nearest_in_box(slopes, ends, low, high)
            way = self.damping * (aim - delta)
            # where the model is flat, the first order knows only the direction
            longest = delta.norm(dim=1) + 0.1 * threat.eps
            way = way * (longest / way.norm(dim=1).clamp_min(1e-30)).clamp_max(1)[:, None]
            x = state.box(state.origin + ((delta + way) * unit).reshape(x.shape))
        return replace(state, x=best)

    def _demands(
        self, model: Model, x: Tensor, target: Tensor, limit: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Give what must not be above 0 (N, 2), and its gradients (N, 2, D)."""
        x = x.detach().requires_grad_()
        logs = model(x).log_softmax(1)
        rest = logs.scatter(1, target[:, None], float("-inf")).logsumexp(1)
        least = torch.logit(torch.tensor(self.confidence)).to(x)
        values = [
            least - (_of(logs, target) - rest),
            _of(model.uncertainty(x), target).log() - limit,
        ]
        slopes = [torch.autograd.grad(value.sum(), x)[0].flatten(1) for value in values]
        return torch.stack(values, 1).detach(), torch.stack(slopes, 1)


def _target(state: State, logits: Tensor) -> Tensor:
    if state.is_targeted:
        return state.y
    return likeliest_wrong(logits, state.y)


def _of(values: Tensor, target: Tensor) -> Tensor:
    return values.gather(1, target[:, None])[:, 0]


def nearest_in_box(slopes: Tensor, ends: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Do as `nearest_in_two` does between bounds (N, D): what would leave them is held there."""
    held, is_held = torch.zeros_like(low), torch.zeros_like(low, dtype=torch.bool)
    for _ in range(ROUNDS):
        left = ends - (slopes * held[:, None]).sum(2)
        u = torch.where(is_held, held, nearest_in_two(slopes * ~is_held[:, None], left))
        is_out = (u < low) | (u > high)
        held = torch.where(is_out, torch.minimum(torch.maximum(u, low), high), held)
        is_held = is_held | is_out
    return torch.minimum(torch.maximum(u, low), high)


def nearest_in_two(slopes: Tensor, ends: Tensor) -> Tensor:
    """Find the shortest u (N, D) with slopes (N, 2, D) @ u <= ends (N, 2).

    Tries which demands bind: none, one, or both. Where they contradict each other, it fulfils the
    first.
    """
    gram = slopes @ slopes.mT
    square = gram.diagonal(dim1=1, dim2=2).clamp_min(1e-30)
    alone = torch.diag_embed((-ends / square).clamp_min(0))  # multipliers, one demand at a time
    ridge = 1e-6 * square.amax(1)[:, None, None] * torch.eye(2, dtype=ends.dtype)
    both = torch.linalg.solve(gram + ridge, -ends)
    tried = torch.cat([torch.zeros_like(alone[:, :1]), alone, both[:, None]], 1)  # (N, 4, 2)
    u = -tried @ slopes
    over = (u @ slopes.mT - ends[:, None]) / square.sqrt()[:, None]
    tolerance = 1e-4 * (ends.abs() / square.sqrt()).amax(1)[:, None, None] + 1e-9
    fits = (over <= tolerance).all(2) & (tried >= 0).all(2)
    length = u.norm(dim=2).masked_fill(~fits, float("inf"))
    choice = torch.where(fits.any(1), length.argmin(1), 1)
    return u[torch.arange(len(u)), choice]
