import math
from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from roadworthy.core.dataset import Split
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.fewshot.episodes import Episodes, EpisodeShape, EpisodeSource
from roadworthy.fewshot.learner import Adapter, FewShotLearner
from roadworthy.fewshot.turns import with_turns


@dataclass(frozen=True)
class EpisodicLearner(FewShotLearner):
    """Learns by tasks drawn from the base classes, shaped like those that it will be given.

    Args:
        width: channels of the embedding.
        ways: classes of a training task.
        shots: labelled items of each class.
        queries: items of each class that the loss asks about.
        episodes: training tasks.
        batch: tasks of one step.
        rate: learning rate at the start; it falls to 0 along a cosine.
        turns: also learn each class turned by 90, 180 and 270 degrees, as classes of their own.
    """

    width: int = 64
    ways: int = 20
    shots: int = 1
    queries: int = 5
    episodes: int = 1000
    batch: int = 1
    rate: float = 1e-3
    turns: bool = False

    @abstractmethod
    def start(self, base: Split) -> Adapter:
        """Make the adapter with the weights that training begins with."""

    def loss(self, adapter: Adapter, tasks: Episodes) -> Tensor:
        """Say how badly an adapter answers tasks: the mean negative log-likelihood."""
        answers = adapter(tasks.support_x, tasks.support_y, tasks.query_x)
        return functional.nll_loss(answers.flatten(0, 1), tasks.query_y.flatten())

    def learn(self, base: Split, seed: int, progress: Progress) -> Adapter:
        rows = with_turns(base) if self.turns else base
        source = EpisodeSource(rows, EpisodeShape(self.ways, self.shots, self.queries))
        adapter = self.start(base).to(base.x.device).train()
        adam = torch.optim.Adam(adapter.parameters(), self.rate, fused=True)
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, -(-self.episodes // self.batch))
        for first in range(0, self.episodes, self.batch):
            tasks = source.draw(seed, first, min(self.batch, self.episodes - first))
            adam.zero_grad()
            loss = self.loss(adapter, tasks)
            loss.backward()
            adam.step()
            falling.step()
            check_finite(float(loss.detach()))
            progress.advance((first + len(tasks)) / self.episodes)
        return adapter


def check_finite(loss: float) -> None:
    """Say that training has failed.

    Raises:
        InputError: the loss is no number.
    """
    if not math.isfinite(loss):
        raise InputError(
            "the loss became NaN: look for huge numbers in the inputs, or lower the rate"
        )
