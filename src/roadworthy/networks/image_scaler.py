import torch
from torch import Tensor, nn


class ImageScaler(nn.Module):
    """Standardizes images channel by channel.

    Args:
        channels: of the images.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(channels, 1, 1))
        self.register_buffer("scale", torch.ones(channels, 1, 1))

    def measure(self, x: Tensor) -> None:
        """Take centers and scales from images (N, C, H, W)."""
        self.center = x.mean((0, 2, 3)).reshape(-1, 1, 1)
        scale = x.std((0, 2, 3), unbiased=False).reshape(-1, 1, 1)
        self.scale = torch.where(scale > 0, scale, torch.ones_like(scale))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.center) / self.scale
