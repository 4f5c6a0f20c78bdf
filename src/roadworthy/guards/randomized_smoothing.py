from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress
from roadworthy.core.threat import Ball
from roadworthy.guards.votes import Voting


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


class Smoothed(Voting):
    """A model that answers by votes on noisy copies of its input.

    Args:
        model: votes.
        spread: standard deviation of the noise, broadcastable to one input.
        draws: votes per answer.
        identity: its settings, for the fingerprint.
    """

    def __init__(self, model: Model, spread: Tensor, draws: int, identity: str) -> None:
        super().__init__(model, draws, RandomizedSmoothing.card.name, identity, is_random=True)
        self.spread, self.identity = spread, identity

    def changed(self, x: Tensor, places: range) -> Tensor:
        noise = torch.randn(len(places), *x.shape, dtype=x.dtype, device=x.device)
        return x + self.spread.to(x) * noise

    def count(self, outputs: Tensor) -> Tensor:
        return one_hot(outputs.argmax(2), outputs.shape[2]).sum(0)

    def around(self, model: Model) -> "Smoothed":
        return Smoothed(model, self.spread, self.copies, self.identity)
