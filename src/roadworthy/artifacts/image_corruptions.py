"""Ordinary changes of images (N, C, H, W) in [0, 1], at severities 1 to 5.

Source: Hendrycks, Dietterich 2019, arXiv:1903.12261, with the constants of its CIFAR-10-C for
images of 32 × 32. Differs from the paper: the blur's width is relative to the image's side;
results are not rounded to 256 levels; shifts are not in the paper and have constants of our own.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from roadworthy.core.streams import Streams

SIDE = 32  # pixels, for which the blur's constants were chosen


def gaussian_noise(x: Tensor, severity: int, streams: Streams) -> Tensor:
    """Add independent noise to each pixel."""
    deviation = (0.04, 0.06, 0.08, 0.09, 0.10)[severity - 1]
    return (x + deviation * streams.normal(x.shape[1:], x.dtype)).clamp(0, 1)


def gaussian_blur(x: Tensor, severity: int, streams: Streams) -> Tensor:
    """Blur with a Gaussian whose width is relative to the shorter side."""
    width = (0.4, 0.6, 0.7, 0.8, 1.0)[severity - 1] * min(x.shape[2:]) / SIDE
    reach = int(4 * width + 0.5)
    offset = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    kernel = (-offset.square() / (2 * width**2)).exp()
    kernel = (kernel / kernel.sum()).repeat(x.shape[1], 1, 1, 1)  # (C, 1, 1, 2 reach + 1)
    padded = _repeat_edges(x, reach)
    blurred = conv2d(padded, kernel, groups=x.shape[1])
    return conv2d(blurred, kernel.transpose(2, 3), groups=x.shape[1]).clamp(0, 1)


def contrast(x: Tensor, severity: int, streams: Streams) -> Tensor:
    """Pull each channel towards its mean."""
    kept = (0.75, 0.5, 0.4, 0.3, 0.15)[severity - 1]
    mean = x.mean((2, 3), keepdim=True)
    return ((x - mean) * kept + mean).clamp(0, 1)


def brightness(x: Tensor, severity: int, streams: Streams) -> Tensor:
    """Raise the value of HSV, which keeps hue and saturation; of grey images the grey itself."""
    added = (0.05, 0.1, 0.15, 0.2, 0.3)[severity - 1]
    value = x.amax(1, keepdim=True)
    raised = (value + added).clamp(0, 1)
    return torch.where(value > 0, x * (raised / value.clamp_min(1e-12)), raised.expand_as(x))


def shift(x: Tensor, severity: int, streams: Streams) -> Tensor:
    """Move up, down, left or right by a share of the side, at least a pixel; edges repeat."""
    share = (0.04, 0.08, 0.12, 0.16, 0.2)[severity - 1]
    height, width = x.shape[2:]
    way = streams.integers(torch.full_like(streams.keys, 4))
    sign = torch.where(way % 2 == 0, 1, -1)
    down = torch.where(way < 2, sign, 0) * max(1, math.floor(share * height + 0.5))
    right = torch.where(way >= 2, sign, 0) * max(1, math.floor(share * width + 0.5))
    row = (torch.arange(height, device=x.device) - down[:, None]).clamp(0, height - 1)
    column = (torch.arange(width, device=x.device) - right[:, None]).clamp(0, width - 1)
    sample = torch.arange(len(x), device=x.device)[:, None, None]
    return x.transpose(0, 1)[:, sample, row[:, :, None], column[:, None, :]].transpose(0, 1)


def _repeat_edges(x: Tensor, reach: int) -> Tensor:
    return pad(x, (reach, reach, reach, reach), mode="replicate") if reach else x


IMAGE_CORRUPTIONS: dict[str, Callable[[Tensor, int, Streams], Tensor]] = {
    "gaussian noise": gaussian_noise,
    "gaussian blur": gaussian_blur,
    "contrast": contrast,
    "brightness": brightness,
    "shift": shift,
}
