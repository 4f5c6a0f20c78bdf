from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.distributions import Beta
from torch.nn.functional import one_hot

from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.core.shapes import per_sample
from roadworthy.strategies.consistency import squared_gap, straight_rise
from roadworthy.training.plan import Batch, TrainPlan
from roadworthy.training.strategy import Strategy
from roadworthy.training.views import weak_view


@dataclass(frozen=True)
class MixMatch(Strategy):
    """MixMatch: rows are mixed with rows whose targets were guessed and sharpened.

    The guess is the mean answer over several views of a row, made surer by a temperature. Then
    every row, with a target or a guess, is mixed with another, and so are both targets. Of a table
    only numbers are mixed; categories are those of the row with the larger share.

    Source: Berthelot et al. 2019, arXiv:1905.02249, algorithm 1.
    Differs from the paper: guesses weigh 10, not 75, and their weight rises during a share of the
    training, not 16,000 of a million steps: trainings of some hundred steps learn nothing
    otherwise; a row's own weight stays with it when another is mixed in.

    Args:
        ratio: rows without targets per row with one.
        weight: of the squared difference from guesses in the end (lambda_U in the paper).
        views: that a guess is the mean of (K in the paper).
        temperature: that guesses are sharpened with, below 1 (T in the paper).
        alpha: of the Beta distribution that shares are drawn from.
        warm_up: share of the training during which the weight rises.
        average: decay per step of the running average of the weights, which is what is kept.
    """

    ratio: int = 1
    weight: float = 10.0
    views: int = 2
    temperature: float = 0.5
    alpha: float = 0.75
    warm_up: float = 0.4
    average: float = 0.999

    card = Card(
        "mixmatch",
        "MixMatch",
        paper="arxiv:1905.02249",
        cost="minutes",
        safety="retrains",
    )
    purpose = "semi-supervised"
    reads_logits = True

    def apply(self, plan: TrainPlan, progress: Progress) -> TrainPlan:
        if not 0 < self.temperature <= 1:
            raise InputError(f"mixmatch takes a temperature up to 1, not {self.temperature}")
        view, data = weak_view(plan.data), plan.data

        def objective(network: nn.Module, batch: Batch) -> Tensor:
            seen = [view(batch.unlabelled) for _ in range(self.views)]
            with torch.no_grad():
                answers = network(torch.cat(seen)).softmax(1).chunk(self.views)
            guess = sharpened(torch.stack(answers).mean(0), self.temperature)
            x = torch.cat([batch.x, *seen])
            targets = torch.cat([_probabilities(batch, data), guess.repeat(self.views, 1)])
            drawn = Beta(self.alpha, self.alpha).sample((len(x),)).to(x)
            x, targets = mixed(data, x, targets, torch.randperm(len(x)), drawn)
            logits, n = network(x), len(batch.x)
            weight = self.weight * straight_rise(batch.progress, 0.0, self.warm_up)
            gap = squared_gap(logits[n:].softmax(1), targets[n:])
            return replace(batch, targets=targets[:n]).loss(logits[:n]) + weight * gap

        plan = plan.set(self.card.name, objective=objective, ratio=self.ratio, average=self.average)
        return plan.add(augment=(view,), cost=2.0 * self.views * self.ratio)


def sharpened(probabilities: Tensor, temperature: float) -> Tensor:
    """Make probabilities (N, K) surer."""
    return (probabilities.log() / temperature).softmax(1)


def mixed(
    data: Dataset, x: Tensor, targets: Tensor, other: Tensor, drawn: Tensor
) -> tuple[Tensor, Tensor]:
    """Mix rows with others, of which each keeps the larger share.

    Args:
        data: says which columns are categories.
        x: (N, …).
        targets: (N, K) probabilities.
        other: (N,) which row is mixed in.
        drawn: (N,) shares, of either row.
    """
    share = torch.maximum(drawn, 1 - drawn)
    together = x + per_sample(1 - share, x) * (x[other] - x)
    if data.features:
        is_number = [feature.kind == "number" for feature in data.features]
        together = torch.where(torch.tensor(is_number, device=x.device), together, x)
    return together, targets + (1 - share[:, None]) * (targets[other] - targets)


def _probabilities(batch: Batch, data: Dataset) -> Tensor:
    """Give the targets of a batch as probabilities (N, K)."""
    if batch.targets.is_floating_point():
        return batch.targets
    return one_hot(batch.targets, len(data.classes)).to(batch.x.dtype)
