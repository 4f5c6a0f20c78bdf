"""Models that answer by votes on changed copies of an input, and the way around the votes."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from roadworthy.core.model import Model, Offer

AT_ONCE = 1 << 20  # numbers that the copies of one pass hold


class Voting(Model):
    """A model that votes on changed copies of its input; the logarithm of the votes answers.

    Args:
        model: votes.
        copies: votes per answer.
        name: what the spec calls it.
        identity: its settings, for the fingerprint.
        is_random: two calls may differ.
    """

    def __init__(
        self, model: Model, copies: int, name: str, identity: str, is_random: bool
    ) -> None:
        spec = model.spec
        super().__init__(
            replace(
                spec,
                name=f"{name}, {spec.name}",
                offers=(spec.offers | {Offer.SCORES}) - {Offer.GRADIENTS},
                fingerprint=f"{identity} {spec.fingerprint}",
                stochastic=spec.stochastic or is_random,
                obstacles=(*spec.obstacles, name),
            )
        )
        self.model, self.copies = model, copies
        self.passes_per_call = copies * model.passes_per_call

    @abstractmethod
    def changed(self, x: Tensor, places: range) -> Tensor:
        """Give the copies (copies, N, …) with these numbers of inputs x (N, …)."""

    @abstractmethod
    def count(self, outputs: Tensor) -> Tensor:
        """Count the votes (N, K) in outputs (copies, N, K)."""

    def answer(self, votes: Tensor) -> Tensor:
        """Turn the votes (N, K) of all copies into logits: the logarithm of their shares."""
        return log_shares(votes)

    @abstractmethod
    def around(self, model: Model) -> "Voting":
        """Give the same votes of another model."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            votes = sum(self.count(self._outputs(x, places)) for places in self.pieces(x))
        return self.answer(votes).to(x.dtype)

    def features(self, x: Tensor) -> Tensor:
        answer, pieces = self.model.features, self.pieces(x)
        return sum(self._answers(answer, x, some).sum(0) for some in pieces) / self.copies

    def pieces(self, x: Tensor) -> Iterator[range]:
        """Say which copies to ask about at a time, so that memory stays bounded."""
        most = max(1, AT_ONCE // max(1, x.numel()))
        for first in range(0, self.copies, most):
            yield range(first, min(first + most, self.copies))

    def probabilities_and_votes(self, x: Tensor, places: range) -> tuple[Tensor, Tensor]:
        """Give the sums over some copies of the probabilities (N, K), and of the votes (N, K)."""
        outputs = self._outputs(x, places)
        return outputs.softmax(2).sum(0), self.count(outputs.detach())

    def _outputs(self, x: Tensor, places: range) -> Tensor:
        return self._answers(self.model.forward, x, places)

    def _answers(self, answer: Callable[[Tensor], Tensor], x: Tensor, places: range) -> Tensor:
        copies = self.changed(x, places)
        return answer(copies.flatten(0, 1)).reshape(len(places), len(x), -1)

    def without_obstacles(self) -> Model | None:
        inner = self.model.without_obstacles() if self.model.spec.obstacles else self.model
        return None if inner is None else AroundVotes(self.around(inner))

    def move(self, device: torch.device) -> None:
        self.model.move(device)


class AroundVotes(Model):
    """Votes whose gradient is that of the expected probabilities over the same copies.

    It averages by itself, so it is not averaged again; every call draws anew what is random, and
    leaves the caller's random numbers alone.

    Args:
        voting: its model offers gradients.
    """

    def __init__(self, voting: Voting) -> None:
        spec, base = voting.spec, voting.model.spec
        offers = spec.offers | (base.offers & {Offer.GRADIENTS})
        super().__init__(replace(spec, offers=offers, stochastic=False, obstacles=base.obstacles))
        self.voting, self._next_seed = voting, 0
        self.passes_per_call = voting.passes_per_call

    def forward(self, x: Tensor) -> Tensor:
        expected, votes = 0, 0
        with torch.random.fork_rng():
            torch.manual_seed(self._next_seed)
            for places in self.voting.pieces(x):
                # computed again on the way back, so that a piece's memory is freed
                some, more = checkpoint(
                    self.voting.probabilities_and_votes, x, places, use_reentrant=False
                )
                expected, votes = expected + some, votes + more
        self._next_seed += 1
        soft = (expected / self.voting.copies).clamp_min(torch.finfo(x.dtype).tiny).log()
        return self.voting.answer(votes).to(x.dtype) + soft - soft.detach()

    def features(self, x: Tensor) -> Tensor:
        with torch.random.fork_rng():
            torch.manual_seed(self._next_seed)
            vectors = self.voting.features(x)
        self._next_seed += 1
        return vectors

    def move(self, device: torch.device) -> None:
        self.voting.move(device)


def log_shares(votes: Tensor) -> Tensor:
    """Give the logarithm of the shares of votes (N, K); one vote more each keeps them above 0."""
    more = votes + 1
    return (more / more.sum(1, keepdim=True)).log()
