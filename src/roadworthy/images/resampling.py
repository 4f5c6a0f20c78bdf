import torch
from torch import Tensor


def bilinear(image: Tensor, row: Tensor, column: Tensor, fill: float = 0.0) -> Tensor:
    """Read images (N, C, H, W) between their pixels, at (N, h, w) places: (N, C, h, w).

    At whole places it gives the pixels themselves, bit by bit; differentiable by all three.

    Args:
        image: to read.
        row: in pixels; 0 is the middle of the first one.
        column: in pixels.
        fill: what lies around the image.
    """
    top, left = row.detach().floor(), column.detach().floor()
    down, right = (row - top)[:, None], (column - left)[:, None]
    upper = _lerp(_pixel(image, top, left, fill), _pixel(image, top, left + 1, fill), right)
    lower = _lerp(_pixel(image, top + 1, left, fill), _pixel(image, top + 1, left + 1, fill), right)
    return _lerp(upper, lower, down)


def _lerp(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    return first * (1 - share) + second * share


def _pixel(image: Tensor, row: Tensor, column: Tensor, fill: float) -> Tensor:
    n, channels, height, width = image.shape
    is_inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    place = row.clamp(0, height - 1).long() * width + column.clamp(0, width - 1).long()
    chosen = place.flatten(1)[:, None].expand(-1, channels, -1)
    found = image.flatten(2).gather(2, chosen).reshape(n, channels, *row.shape[1:])
    return torch.where(is_inside[:, None], found, fill)


def centered(x: Tensor) -> tuple[Tensor, Tensor]:
    """Give each pixel's row (H, 1) and column (1, W), from the middle of images (…, H, W)."""
    height, width = x.shape[-2:]
    row = torch.arange(height, dtype=x.dtype, device=x.device) - (height - 1) / 2
    column = torch.arange(width, dtype=x.dtype, device=x.device) - (width - 1) / 2
    return row[:, None], column[None]
