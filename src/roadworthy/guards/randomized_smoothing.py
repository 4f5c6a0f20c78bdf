from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torch.utils.checkpoint import checkpoint

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model, Offer
from roadworthy.core.progress import Progress
from roadworthy.core.threat import Ball

AT_ONCE = 1 << 20  # numbers that the noisy inputs of one pass hold


@dataclass(frozen=True)
class RandomizedSmoothing(Guard):
    """Randomized smoothing: the model votes on noisy copies of an input, and the most votes win.

    Claims a guarantee: where one class has share p > 1/2 of the votes under Gaussian noise, no
    change of an L2 size below sigma times the normal quantile of p turns the answer. The check
    `certified-robustness` states how many rows have which radius. It assumes a model that keeps its
    accuracy under the noise, so one that was trained with it, and that the noise is secret: each
    call draws anew. An answer costs `draws` passes. In tables only numbers get noise.

    Votes have no gradient. The way around is the gradient of the expected probabilities under the
    same noise, which attacks take by themselves.

    Source: Cohen, Rosenfeld and Kolter 2019, arXiv:1902.02918, theorem 1 and PREDICT.
    Differs from the paper: an answer is always given, as the logarithm of the shares of votes with
    one vote more for each class; only certificates abstain.

    Args:
        sigma: standard deviation of the noise; for tables in standard deviations of each number.
        draws: noisy copies per answer.
    """

    sigma: float = 0.25
    draws: int = 100

    card = Card(
        "randomized-smoothing",
        "Randomized smoothing",
        aliases=("smoothing", "gaussian-smoothing"),
        paper="arxiv:1902.02918",
        fixes=("RW-ROB-001", "RW-ROB-004"),
        safety="changes predictions",
    )

    def learn(
        self, model: Model, data: Dataset, rows: Split, seed: int, progress: Progress
    ) -> Learned:
        if not data.features:
            return {"unit": torch.ones(())}
        return {"unit": Ball.of(data, "l2", self.sigma).unit(rows.x)}

    def wrap(self, model: Model, learned: Learned) -> Model:
        return Smoothed(model, self.sigma * learned["unit"], self.draws, repr(self))


class Smoothed(Model):
    """A model that answers by votes on noisy copies of its input.

    Args:
        model: votes.
        spread: standard deviation of the noise, broadcastable to one input.
        draws: votes per answer.
        name: what the spec calls the noise.
    """

    def __init__(self, model: Model, spread: Tensor, draws: int, name: str) -> None:
        spec = model.spec
        super().__init__(
            replace(
                spec,
                name=f"randomized smoothing, {spec.name}",
                offers=(spec.offers | {Offer.SCORES}) - {Offer.GRADIENTS},
                fingerprint=f"{name} {spec.fingerprint}",
                stochastic=True,
                obstacles=(*spec.obstacles, "randomized-smoothing"),
            )
        )
        self.model, self.spread, self.draws = model, spread, draws
        self.passes_per_call = draws * model.passes_per_call

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            votes = sum(_votes(self._noisy_outputs(x, copies)) for copies in self.pieces(x))
        return self.log_shares(votes, x)

    def features(self, x: Tensor) -> Tensor:
        pieces = self.pieces(x)
        return sum(self._noisy(self.model.features, x, c).sum(0) for c in pieces) / self.draws

    def log_shares(self, votes: Tensor, like: Tensor) -> Tensor:
        """Give the logarithm of the shares of votes (N, K), which stay above 0."""
        return ((votes + 1) / (self.draws + votes.shape[1])).log().to(like.dtype)

    def pieces(self, x: Tensor) -> Iterator[int]:
        """Say how many copies to ask about at a time, so that memory stays bounded."""
        most = max(1, AT_ONCE // max(1, x.numel()))
        for done in range(0, self.draws, most):
            yield min(most, self.draws - done)

    def _noisy_outputs(self, x: Tensor, copies: int) -> Tensor:
        return self._noisy(self.model.forward, x, copies)

    def _noisy(self, answer, x: Tensor, copies: int) -> Tensor:
        """Give the answers (copies, N, …) about noisy copies."""
        near = x + self.spread.to(x) * torch.randn(copies, *x.shape, dtype=x.dtype, device=x.device)
        return answer(near.flatten(0, 1)).reshape(copies, len(x), -1)

    def probabilities_and_votes(self, x: Tensor, copies: int) -> tuple[Tensor, Tensor]:
        """Give the sums over noisy copies of the probabilities (N, K), and of the votes (N, K)."""
        outputs = self._noisy_outputs(x, copies)
        return outputs.softmax(2).sum(0), _votes(outputs.detach())

    def without_obstacles(self) -> Model | None:
        inner = self.model.without_obstacles() if self.model.spec.obstacles else self.model
        return None if inner is None else AroundVotes(replace_base(self, inner))

    def move(self, device: torch.device) -> None:
        self.model.move(device)


def replace_base(smoothed: Smoothed, model: Model) -> Smoothed:
    """Give the same noise and number of votes around another model."""
    name = smoothed.spec.fingerprint
    return Smoothed(model, smoothed.spread, smoothed.draws, name)


class AroundVotes(Model):
    """Votes whose gradient is that of the expected probabilities under the same noise.

    It averages by itself, so it is not averaged again; every call draws anew, and leaves the
    caller's random numbers alone.

    Args:
        smoothed: its base offers gradients.
    """

    def __init__(self, smoothed: Smoothed) -> None:
        spec, base = smoothed.spec, smoothed.model.spec
        offers = spec.offers | (base.offers & {Offer.GRADIENTS})
        super().__init__(replace(spec, offers=offers, stochastic=False, obstacles=base.obstacles))
        self.smoothed, self._next_seed = smoothed, 0
        self.passes_per_call = smoothed.passes_per_call

    def forward(self, x: Tensor) -> Tensor:
        expected, votes = 0, 0
        with torch.random.fork_rng():
            torch.manual_seed(self._next_seed)
            for copies in self.smoothed.pieces(x):
                # computed again on the way back, so that a piece's memory is freed
                some, more = checkpoint(
                    self.smoothed.probabilities_and_votes, x, copies, use_reentrant=False
                )
                expected, votes = expected + some, votes + more
        self._next_seed += 1
        soft = (expected / self.smoothed.draws).clamp_min(torch.finfo(x.dtype).tiny).log()
        return self.smoothed.log_shares(votes, x) + soft - soft.detach()

    def features(self, x: Tensor) -> Tensor:
        with torch.random.fork_rng():
            torch.manual_seed(self._next_seed)
            vectors = self.smoothed.features(x)
        self._next_seed += 1
        return vectors

    def move(self, device: torch.device) -> None:
        self.smoothed.move(device)


def _votes(outputs: Tensor) -> Tensor:
    """Count for each class (N, K) in how many of the outputs (copies, N, K) it leads."""
    return one_hot(outputs.argmax(2), outputs.shape[2]).sum(0)
