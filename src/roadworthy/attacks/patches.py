"""Random parts of an input: squares of an image, sets of features."""

import math

import torch
from torch import Tensor

from roadworthy.core.shapes import per_sample
from roadworthy.core.streams import Streams

TILES = 5  # along the shorter side, in the first perturbation


def random_places(
    streams: Streams, count: int, shape: torch.Size, share: float, movable: Tensor
) -> Tensor:
    """Pick squares that cover a share of an image (C, H, W), or shares of a vector's features.

    Args:
        streams: each sample's random numbers.
        count: how many to pick for each sample.
        shape: of one input.
        share: in (0, 1].
        movable: (S,) where 0, a feature is never picked; S is H·W of an image, D of a vector.

    Returns:
        (N · count, P) places in 0 … S - 1; those of a sample follow each other.
    """
    if len(shape) == 1:
        return _random_features(streams, count, share, movable)
    side, width = _side(shape, share), shape[2]
    row, column = _random_corner(streams, count, shape, side)
    inside = torch.arange(side, device=row.device)
    return (row * width + column)[:, None] + (inside[:, None] * width + inside).flatten()


def random_part(
    streams: Streams, count: int, shape: torch.Size, share: float, movable: Tensor
) -> Tensor:
    """Pick what `random_places` picks, as a mask: (N · count, 1, S) bool."""
    return _mask(random_places(streams, count, shape, share, movable), movable)


def random_hump(
    streams: Streams, count: int, shape: torch.Size, share: float, movable: Tensor
) -> tuple[Tensor, Tensor]:
    """Pick a part as `random_part` does, and how an L2 perturbation is spread over it.

    Returns:
        (N · count, 1, S) bool, and (N · count, 1, S) of length 1 and zero outside: the paper's η,
        or random signs.
    """
    if len(shape) == 1:
        inside = random_part(streams, count, shape, share, movable)
        signs = inside * _flat(random_sign(streams, (count, 1, *shape), movable.dtype))
        return inside, signs / signs.norm(dim=2, keepdim=True)
    side = _side(shape, share)
    row, column = (
        torch.arange(length, device=first.device) - first[:, None]
        for length, first in zip(
            shape[1:], _random_corner(streams, count, shape, side), strict=True
        )
    )
    inside = _inside(row, column, side)
    table = _two_humps(side).to(movable)
    row, column = row.clamp(0, side - 1)[:, :, None], column.clamp(0, side - 1)[:, None, :]
    is_turned = _flat(streams.uniform((count, 1, 1), movable.dtype)) < 0.5
    first, second = torch.where(is_turned, column, row), torch.where(is_turned, row, column)
    hump = table[first, second] * inside
    return inside.flatten(1)[:, None], hump.flatten(1)[:, None]


def _flat(drawn: Tensor) -> Tensor:
    """Lay out (N, count, …) as (N · count, …)."""
    return drawn.flatten(0, 1)


def _random_features(streams: Streams, count: int, share: float, movable: Tensor) -> Tensor:
    noise = _flat(streams.uniform((count, len(movable)), movable.dtype))
    size = max(1, round(share * int((movable > 0).sum())))
    return noise.masked_fill(movable == 0, float("inf")).argsort(1)[:, :size]


def _mask(place: Tensor, movable: Tensor) -> Tensor:
    picked = torch.zeros(len(place), len(movable), dtype=torch.bool, device=place.device)
    return (picked.scatter(1, place, True) & (movable > 0))[:, None]


def _side(shape: torch.Size, share: float) -> int:
    _, height, width = shape
    return min(max(1, round(math.sqrt(share * height * width))), height, width)


def _random_corner(
    streams: Streams, count: int, shape: torch.Size, side: int
) -> tuple[Tensor, Tensor]:
    """Draw the first rows and columns of squares: twice (N · count,)."""
    free = torch.tensor([length - side + 1 for length in shape[1:]], device=streams.keys.device)
    drawn = streams.uniform((count, 2), torch.float64)
    first = torch.minimum((drawn * free).to(torch.int64), free - 1)
    row, column = _flat(first).unbind(1)
    return row, column


def _inside(row: Tensor, column: Tensor, side: int) -> Tensor:
    """Say which pixels (N, H, W) lie in the square."""
    is_row, is_column = (row >= 0) & (row < side), (column >= 0) & (column < side)
    return is_row[:, :, None] & is_column[:, None, :]


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
