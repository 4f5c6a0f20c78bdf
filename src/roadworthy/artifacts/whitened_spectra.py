"""Images divided by a set's mean amplitude spectrum, and their correlation at every shift."""

import math

import torch
from torch import Tensor
from torch.nn import functional

MARGIN = 8  # a match may be shifted by 1/8 of the side
HALF = 2  # shift steps per pixel
CYCLES = 9.0  # cycles per image; finer detail does not survive JPEG


def contrast(x: Tensor) -> Tensor:
    """Each image with mean 0 and norm 1, so that brightness and contrast edits change nothing."""
    return functional.normalize(x.flatten(1) - x.flatten(1).mean(1, keepdim=True), dim=1).view_as(x)


def margins(h: int, w: int) -> tuple[int, int]:
    """Rows and columns by which a match may be shifted."""
    return max(1, h // MARGIN), max(1, w // MARGIN)


def padded(x: Tensor) -> Tensor:
    """Contrast-normalized images with reflected borders, lest whitening wrap one edge round."""
    h, w = x.shape[-2:]
    return functional.pad(contrast(x), (w // 4, w // 4, h // 4, h // 4), mode="reflect")


def frequency_radius(h: int, w: int, period: tuple[int, int], like: Tensor) -> Tensor:
    """Cycles per `period` pixels of each entry of the rfft2 of (h, w) pixels."""
    vertical = torch.fft.fftfreq(h, device=like.device)[:, None] * period[0]
    return torch.hypot(vertical, torch.fft.rfftfreq(w, device=like.device)[None] * period[1])


def whitening_gain(x: Tensor) -> Tensor:
    """Gain per frequency of padded images: inverse mean amplitude, rolled off beyond CYCLES."""
    wide = padded(x)
    amplitude = torch.fft.rfft2(wide).abs().square().mean((0, 1)).sqrt()
    radius = frequency_radius(*wide.shape[-2:], x.shape[-2:], x)
    gain = torch.exp(-((radius / CYCLES) ** 4)) / amplitude.clamp_min(1e-6)
    gain[0, 0] = 0
    return gain


def whiten(x: Tensor, gain: Tensor) -> Tensor:
    """Images filtered by `gain`, at their own size again."""
    h, w = x.shape[-2:]
    wide = padded(x)
    filtered = torch.fft.irfft2(torch.fft.rfft2(wide) * gain, s=wide.shape[-2:])
    return filtered[..., h // 4 : h // 4 + h, w // 4 : w // 4 + w]


def window(x: Tensor) -> Tensor:
    """Images of norm 1 that are zero within the margins."""
    h, w = x.shape[-2:]
    y, z = margins(h, w)
    inside = functional.pad(x[..., y : h - y, z : w - z], (z, z, y, y))
    return functional.normalize(inside.flatten(-3), dim=-1).view_as(x)


def window_norm(x: Tensor) -> Tensor:
    """Norm (N, shifts) of what the window covers at each half-pixel shift."""
    h, w = x.shape[-2:]
    y, z = margins(h, w)
    inside = (h - 2 * y, w - 2 * z)
    energy = x.square().sum(1, keepdim=True)
    energy = functional.avg_pool2d(energy, inside, stride=1) * math.prod(inside)
    size = (2 * y * HALF + 1, 2 * z * HALF + 1)
    energy = functional.interpolate(energy, size=size, mode="bilinear", align_corners=True)
    return energy.flatten(1).clamp_min(1e-12).sqrt()


def shift_basis(h: int, w: int, band: Tensor) -> Tensor:
    """Inverse Fourier basis (2 frequencies, shifts) from real and imaginary parts in `band`."""
    y, z = margins(h, w)
    down = torch.linspace(-y, y, 2 * y * HALF + 1, device=band.device)
    right = torch.linspace(-z, z, 2 * z * HALF + 1, device=band.device)
    row, column = band.nonzero(as_tuple=True)
    vertical = torch.fft.fftfreq(h, device=band.device)[row]
    horizontal = torch.fft.rfftfreq(w, device=band.device)[column]
    turns = vertical[:, None, None] * down[:, None] + horizontal[:, None, None] * right
    phase = 2 * math.pi * turns.flatten(1)
    # rfft2 leaves out the mirrored half of the spectrum: all but its own mirror count twice
    weight = torch.where((column == 0) | (2 * column == w), 1.0, 2.0)[:, None] / (h * w)
    return torch.cat([phase.cos() * weight, -phase.sin() * weight])
