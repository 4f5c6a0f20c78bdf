"""Random parts of an input: squares of an image, sets of features."""

import math

import torch
from torch import Tensor

from roadworthy.core.shapes import per_sample
from roadworthy.core.streams import Streams

TILES = 5  # along the shorter side, in the first perturbation


def random_part(streams: Streams, shape: torch.Size, share: float, movable: Tensor) -> Tensor:
    """Pick a square that covers a share of an image (C, H, W), or a share of a vector's features.

    Args:
        streams: each sample's random numbers.
        shape: of one input.
        share: in (0, 1].
        movable: (S,) where 0, a feature is never picked; S is H·W of an image, D of a vector.

    Returns:
        (N, 1, S) bool.
    """
    if len(shape) == 1:
        return _random_features(streams, shape, share, movable)[:, None]
    row, column = _random_square(streams, shape, share)
    return _inside(row, column, _side(shape, share)).flatten(1)[:, None]


def random_hump(
    streams: Streams, shape: torch.Size, share: float, movable: Tensor
) -> tuple[Tensor, Tensor]:
    """Pick a part as `random_part` does, and how an L2 perturbation is spread over it.

    Returns:
        (N, 1, S) bool, and (N, 1, S) of length 1 and zero outside: the paper's η, or random signs.
    """
    if len(shape) == 1:
        inside = _random_features(streams, shape, share, movable)[:, None]
        signs = inside * random_sign(streams, (1, *shape), movable.dtype)
        return inside, signs / signs.norm(dim=2, keepdim=True)
    side = _side(shape, share)
    row, column = _random_square(streams, shape, share)
    inside = _inside(row, column, side)
    table = _two_humps(side).to(movable)
    row, column = row.clamp(0, side - 1)[:, :, None], column.clamp(0, side - 1)[:, None, :]
    is_turned = streams.uniform((1, 1), movable.dtype) < 0.5
    first, second = torch.where(is_turned, column, row), torch.where(is_turned, row, column)
    hump = table[first, second] * inside
    return inside.flatten(1)[:, None], hump.flatten(1)[:, None]


def _random_features(streams: Streams, shape: torch.Size, share: float, movable: Tensor) -> Tensor:
    noise = streams.uniform(shape, movable.dtype).masked_fill(movable == 0, float("inf"))
    size = max(1, round(share * int((movable > 0).sum())))
    picked = torch.zeros_like(noise, dtype=torch.bool)
    return picked.scatter(1, noise.argsort(1)[:, :size], True) & (movable > 0)


def _side(shape: torch.Size, share: float) -> int:
    _, height, width = shape
    return min(max(1, round(math.sqrt(share * height * width))), height, width)


def _random_square(streams: Streams, shape: torch.Size, share: float) -> tuple[Tensor, Tensor]:
    """Number rows (N, H) and columns (N, W) from where a random square begins."""
    side = _side(shape, share)
    row = _from_random_start(streams, shape[1], side)
    return row, _from_random_start(streams, shape[2], side)


def _inside(row: Tensor, column: Tensor, side: int) -> Tensor:
    """Say which pixels (N, H, W) lie in the square."""
    is_row, is_column = (row >= 0) & (row < side), (column >= 0) & (column < side)
    return is_row[:, :, None] & is_column[:, None, :]


def _from_random_start(streams: Streams, length: int, side: int) -> Tensor:
    """Number the places of an axis from where the square begins: (N, length)."""
    starts = streams.integers(torch.full_like(streams.keys, length - side + 1))
    return torch.arange(length, device=starts.device) - starts[:, None]


def random_sign(streams: Streams, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Draw (N, *shape) numbers that are 1 or -1."""
    return (streams.uniform(shape, dtype) < 0.5).to(dtype) * 2 - 1


def stripes(streams: Streams, shape: torch.Size, dtype: torch.dtype) -> Tensor:
    """Draw 1 or -1 for each column and channel of an image, or each feature: (N, C, S)."""
    if len(shape) == 1:
        return random_sign(streams, shape, dtype)[:, None]
    channels, height, width = shape
    return random_sign(streams, (channels, 1, width), dtype).expand(-1, -1, height, -1).flatten(2)


def tiles(streams: Streams, shape: torch.Size, dtype: torch.dtype) -> Tensor:
    """Draw a grid of humps with random signs, or a sign for each feature: (N, C, S) of length 1."""
    if len(shape) == 1:
        return random_sign(streams, shape, dtype)[:, None] / math.sqrt(shape[0])
    channels, height, width = shape
    side = max(1, min(height, width) // TILES)
    down, across = height // side, width // side
    sign = random_sign(streams, (channels, down, across), dtype)
    hump = _two_humps(side).to(sign).repeat(down, across)
    grid = sign.repeat_interleave(side, 2).repeat_interleave(side, 3) * hump
    grid = torch.nn.functional.pad(grid, (0, width - across * side, 0, height - down * side))
    flat = grid.flatten(2)
    return flat / per_sample(flat.flatten(1).norm(dim=1), flat)


def _two_humps(side: int) -> Tensor:
    """Give the paper's η, two humps of opposite sign, (side, side) of length 1."""
    half = side // 2
    both = torch.cat([_hump(half, side), -_hump(side - half, side)])
    return both / both.norm()


def _hump(rows: int, columns: int) -> Tensor:
    far = torch.maximum(
        (torch.arange(rows) - rows // 2).abs()[:, None],
        (torch.arange(columns) - columns // 2).abs()[None],
    )
    rings = 1 / torch.arange(1.0, max(rows, columns) // 2 + 2).square()
    return rings.flip(0).cumsum(0).flip(0)[far]
