import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.adaptive import Guarded, InputStep
from roadworthy.core.card import Card
from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError
from roadworthy.core.guard import Guard, Learned
from roadworthy.core.model import Model
from roadworthy.core.progress import Progress
from roadworthy.core.threads import threads_for
from roadworthy.networks.pixel_cnn import PixelCNN

BATCH = 64
RATE = 2e-3


@dataclass(frozen=True)
class PixelDefend(Guard):
    """PixelDefend: images are moved to where training images are likely, before the model.

    A PixelCNN learns how likely each pixel is, given those before it. Each pixel in turn takes the
    likeliest value within `eps`, given what became of those before. It claims that adversarial
    images are unlikely, and that the likely ones near to them are classified as they should be. An
    attack that takes the identity's derivative in its place gets through.

    Cost: on one core an image of 28 × 28 pixels takes 8 ms per epoch to learn from, with the
    defaults 150 s in all, and 85 ms to be purified, at each pass; of 8 × 8 pixels 4 s and 4 ms.

    Source: Song et al. 2017, arXiv:1710.10766, algorithm 1; broken by Athalye et al. 2018,
    arXiv:1802.00420.
    Differs from the paper: a small PixelCNN that gives a probability to each of `levels` values,
    not PixelCNN++ with its logistic mixtures; a pixel that is no level itself may stay as it is.

    Args:
        eps: how far a pixel may move; the paper's ε_defend.
        levels: values that the PixelCNN knows.
        width: channels of its hidden layers.
        blocks: residual blocks it has.
        images: how many training images it learns from, at most.
        epochs: how often it sees them.
    """

    eps: float = 16 / 255
    levels: int = 32
    width: int = 32
    blocks: int = 3
    images: int = 2000
    epochs: int = 10

    card = Card(
        "pixel-defend",
        "PixelDefend",
        aliases=("pixeldefend", "PD"),
        paper="arxiv:1710.10766",
        fixes=("RW-ROB-001",),
        cost="minutes",
        safety="changes predictions",
    )
    kinds = frozenset({"image"})

    def learn(
        self, model: Model, data: Dataset, rows: Split, seed: int, progress: Progress
    ) -> Learned:
        if self.eps <= 0 or not 2 <= self.levels <= 256:
            raise InputError(
                f"pixel-defend takes an eps above 0 and 2 to 256 levels, not {self.eps} and "
                f"{self.levels}"
            )
        with torch.random.fork_rng(devices=[]), threads_for(rows.x):
            torch.manual_seed(seed % 2**63)
            network = self._network(rows.x.shape[1])
            x = rows.x[torch.randperm(len(rows))[: self.images]]
            _fit(network, x, self.epochs, progress)
        return network.state_dict()

    def wrap(self, model: Model, learned: Learned) -> Model:
        network = self._network(model.spec.input_shape[0])
        network.load_state_dict(dict(learned))
        network.eval().requires_grad_(False)
        step = InputStep(
            f"pixel-defend-{self.eps:.3g}", lambda x: purify(network.to(x.device), x, self.eps)
        )
        return Guarded(model, step)

    def _network(self, channels: int) -> PixelCNN:
        return PixelCNN(channels, self.levels, self.width, self.blocks)


def _fit(network: PixelCNN, x: Tensor, epochs: int, progress: Progress) -> None:
    """Maximize the likelihood of images by Adam."""
    adam = torch.optim.Adam(network.parameters(), RATE)
    steps = epochs * math.ceil(len(x) / BATCH)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for k, batch in enumerate(_batches(x, epochs)):
        adam.zero_grad()
        (-network.log_likelihood(batch).mean()).backward()
        adam.step()
        falling.step()
        progress.advance((k + 1) / steps)


def _batches(x: Tensor, epochs: int) -> Iterator[Tensor]:
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(BATCH):
            yield x[rows]


@torch.no_grad()
def purify(network: PixelCNN, x: Tensor, eps: float) -> Tensor:
    """Give each pixel of images (N, C, H, W) the likeliest value within eps, in reading order."""
    values = torch.linspace(0, 1, network.levels, dtype=x.dtype, device=x.device)
    pure = x.float().clone()
    for row in range(x.shape[2]):  # a pixel waits for what becomes of those before it
        for column in range(x.shape[3]):
            given = pure[:, :, row, column]  # (N, C)
            logits = network.at(pure, row, column)  # (N, levels, C)
            is_near = (values[:, None] - given[:, None]).abs() <= eps
            best, level = logits.masked_fill(~is_near, -math.inf).max(1)
            own = logits.gather(1, network.nearest_level(given)[:, None])[:, 0]
            pure[:, :, row, column] = torch.where(best > own, values[level], given)
    return pure.to(x.dtype)
