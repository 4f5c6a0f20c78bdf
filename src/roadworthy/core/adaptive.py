from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from roadworthy.core.model import Model, Offer

DRAWS = 10


def unchanged(x: Tensor) -> Tensor:
    """Give the input back: the stand-in for a step that changes it only a little."""
    return x


@dataclass(frozen=True)
class InputStep:
    """What is done to inputs before a model sees them, such as a JPEG round trip.

    Args:
        name: what the spec and reports call it, with its settings: `jpeg-50`.
        apply: inputs (N, …) to inputs of the same shape or another.
        is_differentiable: autograd goes through `apply` and its derivative is of use.
        is_random: two calls may differ.
        stand_in: a differentiable function near to `apply`, whose derivative an attacker takes in
            its place; the identity by default.
    """

    name: str
    apply: Callable[[Tensor], Tensor]
    is_differentiable: bool = False
    is_random: bool = False
    stand_in: Callable[[Tensor], Tensor] = unchanged


class Guarded(Model):
    """A model behind a step that changes its inputs; it declares what the step does to gradients.

    Args:
        model: what sees the changed inputs.
        guard: the step.
    """

    def __init__(self, model: Model, guard: InputStep) -> None:
        spec = model.spec
        offers = spec.offers if guard.is_differentiable else spec.offers - {Offer.GRADIENTS}
        obstacles = () if guard.is_differentiable else (guard.name,)
        super().__init__(
            replace(
                spec,
                name=f"{guard.name}, {spec.name}",
                offers=offers,
                fingerprint=f"{guard.name} {spec.fingerprint}",
                stochastic=spec.stochastic or guard.is_random,
                obstacles=(*spec.obstacles, *obstacles),
            )
        )
        self.model, self.guard = model, guard
        self.passes_per_call = model.passes_per_call

    def forward(self, x: Tensor) -> Tensor:
        return self.model.forward(self.guard.apply(x))

    def features(self, x: Tensor) -> Tensor:
        return self.model.features(self.guard.apply(x))

    def without_obstacles(self) -> Model | None:
        inner = self.model.without_obstacles() if self.model.spec.obstacles else self.model
        if inner is None or self.guard.is_differentiable:
            return inner and Guarded(inner, self.guard)
        return BPDA(inner, self.guard)

    def move(self, device: torch.device) -> None:
        self.model.move(device)


class BPDA(Model):
    """A guarded model whose gradients go around the guard.

    Backward pass differentiable approximation: it gives exactly the guarded model's outputs, and on
    the way back the stand-in's derivative takes the place of the step's own.

    Source: Athalye et al. 2018, arXiv:1802.00420, section 4.1.

    Args:
        model: what sees the changed inputs; it offers gradients.
        guard: the step to go around.
    """

    def __init__(self, model: Model, guard: InputStep) -> None:
        guarded = Guarded(model, replace(guard, is_differentiable=True))
        super().__init__(guarded.spec)
        self.model, self.guard = model, guard
        self.passes_per_call = model.passes_per_call

    def forward(self, x: Tensor) -> Tensor:
        return self.model.forward(self._guarded(x))

    def features(self, x: Tensor) -> Tensor:
        return self.model.features(self._guarded(x))

    def _guarded(self, x: Tensor) -> Tensor:
        """Give what the step gives, with the stand-in's derivative."""
        near = self.guard.stand_in(x)
        with torch.no_grad():
            offset = self.guard.apply(x.detach()) - near
        return near + offset


class EOT(Model):
    """A random model's expected answer, and the gradient of it: expectation over transformation.

    Gives the logarithm of the mean probability over `draws` calls. One pass of it is `draws` passes
    of the model, and counts as that. Every call draws anew, so that an attack cannot fit itself to
    a few draws.

    Source: Athalye et al. 2018, arXiv:1802.00420, section 4.2.

    Args:
        model: answers differently from call to call.
        draws: calls per answer.
        seed: of the model's random numbers, as far as they are torch's.
    """

    def __init__(self, model: Model, draws: int = DRAWS, seed: int = 0) -> None:
        super().__init__(replace(model.spec, stochastic=False))
        self.model, self.draws, self._next_seed = model, draws, seed
        self.passes = model.passes
        self.passes_per_call = draws * model.passes_per_call

    def forward(self, x: Tensor) -> Tensor:
        each = self._each(self.model.forward, x).log_softmax(2)
        return torch.logsumexp(each, 0) - torch.log(torch.tensor(float(self.draws)))

    def features(self, x: Tensor) -> Tensor:
        return self._each(self.model.features, x).mean(0)

    def _each(self, answer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """Give the answers (draws, N, …) of that many calls."""
        with torch.random.fork_rng():
            torch.manual_seed(self._next_seed)
            outputs = answer(x.repeat(self.draws, *[1] * (x.ndim - 1)))
        self._next_seed += 1
        return outputs.reshape(self.draws, len(x), -1)


def adaptive(model: Model, *, draws: int = DRAWS, seed: int = 0) -> Model:
    """Give a model as an attacker sees it who knows of its obstacles and its randomness.

    A declared step without a useful derivative is gone around (BPDA) where the model says how; a
    random model is averaged over `draws` calls (EOT). Any other model is given back as it is.
    """
    seen = model
    if model.spec.obstacles:
        seen = model.without_obstacles() or model
        seen.passes = model.passes
    return EOT(seen, draws, seed) if seen.spec.stochastic else seen
