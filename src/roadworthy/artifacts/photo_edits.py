"""Changes of light, lens and file that leave the scene as it is, and what two takes differ by.

Of images (N, C, H, W) in [0, 1]. The constants are our own: what a person would call the same
picture.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from roadworthy.artifacts.image_corruptions import brightness, contrast
from roadworthy.core.streams import Streams
from roadworthy.images.jpeg import compressed

LEAST_SIDE = 24  # pixels, from which a shift by one is a change that nobody sees
KEPT = 0.9  # of each side, by a crop
WARMTH = 0.1  # of red and blue


def brighter(x: Tensor, streams: Streams) -> Tensor:
    """Add a tenth of the range to the value of HSV."""
    return brightness(x, 2, streams)


def darker(x: Tensor, streams: Streams) -> Tensor:
    """Take a fifth of the light."""
    return x * 0.8


def less_contrast(x: Tensor, streams: Streams) -> Tensor:
    """Pull each channel a quarter of the way to its mean."""
    return contrast(x, 1, streams)


def crop(x: Tensor, streams: Streams) -> Tensor:
    """Keep the middle of the picture, at its old size."""
    zoom = torch.eye(2, 3, dtype=x.dtype, device=x.device) * KEPT
    grid = affine_grid(zoom.expand(len(x), 2, 3), list(x.shape), align_corners=False)
    return grid_sample(x, grid, padding_mode="border", align_corners=False).clamp(0, 1)


def stored_as_jpeg(x: Tensor, streams: Streams) -> Tensor:
    """Store as a JPEG of quality 60 and read back."""
    return compressed(x, 60)


def warmer(x: Tensor, streams: Streams) -> Tensor:
    """Shift colors towards those of a lamp."""
    return _tinted(x, 1 + WARMTH, 1 - WARMTH)


def cooler(x: Tensor, streams: Streams) -> Tensor:
    """Shift colors towards those of shade."""
    return _tinted(x, 1 - WARMTH, 1 + WARMTH)


def _tinted(x: Tensor, red: float, blue: float) -> Tensor:
    gain = torch.tensor([red, 1.0, blue], dtype=x.dtype, device=x.device)
    return (x * gain[:, None, None]).clamp(0, 1)


def retake(x: Tensor, streams: Streams) -> Tensor:
    """Take the picture again: at most a pixel to a side, noise of one level, a JPEG of 95.

    Pictures with a side below `LEAST_SIDE` do not move: a pixel is a visible part of them.
    """
    if min(x.shape[2:]) >= LEAST_SIDE:
        x = _moved_by_a_pixel(x, streams)
    return compressed((x + streams.normal(x.shape[1:], x.dtype) / 255).clamp(0, 1), 95)


def _moved_by_a_pixel(x: Tensor, streams: Streams) -> Tensor:
    """Move by -1, 0 or 1 pixel down and right; edges repeat."""
    three = torch.full_like(streams.keys, 3)
    down, right = (streams.integers(three) - 1 for _ in range(2))
    height, width = x.shape[2:]
    row = (torch.arange(height, device=x.device) - down[:, None]).clamp(0, height - 1)
    column = (torch.arange(width, device=x.device) - right[:, None]).clamp(0, width - 1)
    sample = torch.arange(len(x), device=x.device)[:, None, None]
    return x.transpose(0, 1)[:, sample, row[:, :, None], column[:, None, :]].transpose(0, 1)


PHOTO_EDITS: dict[str, Callable[[Tensor, Streams], Tensor]] = {
    "brighter": brighter,
    "darker": darker,
    "less contrast": less_contrast,
    "crop": crop,
    "stored as JPEG": stored_as_jpeg,
}
COLOR_EDITS: dict[str, Callable[[Tensor, Streams], Tensor]] = {"warmer": warmer, "cooler": cooler}
