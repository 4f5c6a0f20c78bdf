import torch
from torch import Tensor, nn


class Rescale(nn.Module):
    """Brings a standardized prediction back to the units of the target."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    def measure(self, y: Tensor) -> None:
        """Take center and scale from targets (N,)."""
        self.center = y.mean()
        self.scale = _or_one(y.std(unbiased=False))

    def standardize(self, y: Tensor) -> Tensor:
        """Do the reverse of `forward`."""
        return (y - self.center) / self.scale

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.center


def _or_one(scale: Tensor) -> Tensor:
    return torch.where(scale > 0, scale, torch.ones_like(scale))
