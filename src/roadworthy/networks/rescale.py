import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from roadworthy.networks.head import Head


class Rescale(Head):
    """Brings a standardized prediction back to the units of the target; learns by squared error."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    def measure(self, y: Tensor) -> None:
        self.center = y.mean()
        self.scale = _or_one(y.std(unbiased=False))

    def targets(self, y: Tensor) -> Tensor:
        return ((y - self.center) / self.scale)[:, None]

    def loss(self, raw: Tensor, targets: Tensor) -> Tensor:
        return mse_loss(raw, targets, reduction="none").squeeze(-1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.center


def _or_one(scale: Tensor) -> Tensor:
    return torch.where(scale > 0, scale, torch.ones_like(scale))
