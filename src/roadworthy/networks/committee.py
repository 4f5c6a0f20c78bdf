from collections.abc import Mapping

import torch
from torch import Tensor, nn

EMBEDDING = 16  # numbers that each expert hands on


class Committee(nn.Module):
    """Small convolutional experts, each of its own view of an input, and a network that combines.

    The last one sees the experts' embeddings only, and does not change them.

    Args:
        channels: of each expert's view, by its name.
        side: height and width of the views; divisible by 4.
        width: channels of the experts' first layer.
    """

    def __init__(self, channels: Mapping[str, int], side: int, width: int) -> None:
        super().__init__()
        self.experts = nn.ModuleDict(
            {name: _expert(count, side, width) for name, count in channels.items()}
        )
        self.verdicts = nn.ModuleDict({name: nn.Linear(EMBEDDING, 1) for name in channels})
        self.combiner = nn.Sequential(
            nn.Linear(EMBEDDING * len(channels), EMBEDDING), nn.ReLU(), nn.Linear(EMBEDDING, 1)
        )

    def forward(self, views: Mapping[str, Tensor]) -> Tensor:
        """Give the combined logits (N,) of views (N, C, side, side) by the experts' names."""
        return self._combined(self._embeddings(views))

    def all_logits(self, views: Mapping[str, Tensor]) -> Tensor:
        """Give each expert's own logits and, last, the combined ones, to learn from: (N, E + 1)."""
        embeddings = self._embeddings(views)
        own = [self.verdicts[name](embedding)[:, 0] for name, embedding in embeddings.items()]
        fixed = {name: embedding.detach() for name, embedding in embeddings.items()}
        return torch.stack([*own, self._combined(fixed)], 1)

    def _embeddings(self, views: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return {name: expert(views[name]) for name, expert in self.experts.items()}

    def _combined(self, embeddings: Mapping[str, Tensor]) -> Tensor:
        return self.combiner(torch.cat([*embeddings.values()], 1))[:, 0]


def _expert(channels: int, side: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2 * width * (side // 4) ** 2, EMBEDDING),
        nn.ReLU(),
    )
