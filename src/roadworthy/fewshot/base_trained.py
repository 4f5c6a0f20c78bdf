from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from roadworthy.core.dataset import Split
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Progress
from roadworthy.fewshot.embedding import count_features, embedding
from roadworthy.fewshot.episodic import check_finite
from roadworthy.fewshot.learner import Adapter, FewShotLearner
from roadworthy.fewshot.turns import with_turns


@dataclass(frozen=True)
class BaseTrained(FewShotLearner):
    """Learns to tell the base classes apart as any classifier does, and keeps the features.

    Args:
        width: channels of the embedding.
        steps: of training.
        batch: images of one step.
        rate: learning rate at the start; it falls to 0 along a cosine.
        turns: also learn each class turned by 90, 180 and 270 degrees, as classes of their own.
    """

    width: int = 64
    steps: int = 2000
    batch: int = 64
    rate: float = 1e-3
    turns: bool = False

    @abstractmethod
    def head(self, inputs: int, classes: int) -> nn.Module:
        """Make the layer from features (N, D) to logits of the base classes."""

    @abstractmethod
    def adapter(self, network: nn.Module, base: Split) -> Adapter:
        """Make the adapter of a network that gives features."""

    def learn(self, base: Split, seed: int, progress: Progress) -> Adapter:
        rows = with_turns(base) if self.turns else base
        classes, y = rows.y.unique(return_inverse=True)
        if len(classes) < 2:
            raise InputError(f"{base.name} has {len(classes)} class: telling apart takes 2")
        network = nn.Sequential(embedding(base, self.width), nn.Flatten())
        head = self.head(count_features(network, base), len(classes))
        whole = nn.Sequential(network, head).to(base.x.device).train()
        adam = torch.optim.Adam(whole.parameters(), self.rate, fused=True)
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, self.steps)
        for step, batch in enumerate(self._batches(len(rows))):
            adam.zero_grad()
            loss = functional.cross_entropy(whole(rows.x[batch]), y[batch])
            loss.backward()
            adam.step()
            falling.step()
            check_finite(float(loss.detach()))
            progress.advance((step + 1) / self.steps)
        return self.adapter(network.eval(), base)

    def _batches(self, n: int) -> tuple[Tensor, ...]:
        """Give the rows of each step; an epoch takes each row once."""
        numbers = self.steps * self.batch
        epochs = [torch.randperm(n) for _ in range(-(-numbers // n))]
        return torch.cat(epochs)[:numbers].split(self.batch)
