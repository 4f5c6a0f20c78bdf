import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.threat import Transformation
from roadworthy.images.resampling import centered

# Bruton's approximation of the visible spectrum, straight between these wavelengths in nm
COLORS = {
    380.0: (1.0, 0.0, 1.0),
    440.0: (0.0, 0.0, 1.0),
    490.0: (0.0, 1.0, 1.0),
    510.0: (0.0, 1.0, 0.0),
    580.0: (1.0, 1.0, 0.0),
    645.0: (1.0, 0.0, 0.0),
    780.0: (1.0, 0.0, 0.0),
}
# the eye fades out toward both ends of it
VISIBILITY = {380.0: (0.3,), 420.0: (1.0,), 700.0: (1.0,), 780.0: (0.3,)}
LUMINANCE = (0.2126, 0.7152, 0.0722)  # of red, green and blue in a gray image (ITU-R BT.709)


@dataclass(frozen=True)
class LaserBeam(Transformation):
    """A straight beam of one color of light falls across an image.

    Theta is the wavelength in nm, the direction in degrees, the distance from the middle, the width
    and the strength of the light. Lengths are shares of the shorter side. The light is added: all
    of it within the width, and beyond it falls off with the square of the distance. A gray image
    gets the luminance of the color. Its size is the strength alone.

    Source: Duan et al. 2021, arXiv:2103.06504: wavelengths from 380 to 780 nm, color
    and position of a line, width, strength; the color by Bruton's piecewise linear approximation.
    Differs from the paper: a line is given by direction and distance, so that a vertical one is no
    special case; the light falls off without a jump at the edge of the beam, whatever the size of
    the image in pixels.

    Args:
        eps: largest strength, as a share of `max_intensity`.
        max_intensity: light that the strongest beam adds in its middle, of a range of 1.
        min_width: least width.
        max_width: largest width.
    """

    eps: float = 1.0
    max_intensity: float = 1.0
    min_width: float = 0.02
    max_width: float = 0.15

    card = Card("laser-beam", "Laser beam", aliases=("AdvLB",), paper="arxiv:2103.06504")
    sized = (4,)

    def bounds(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if x.ndim != 4 or x.shape[1] not in (1, 3):
            shape = (*x.shape,)
            raise InputError(f"a beam falls on gray or RGB images (N, C, H, W), not on {shape}")
        far = math.hypot(*x.shape[2:]) / min(x.shape[2:]) / 2  # to the corners
        low = x.new_tensor([380.0, 0.0, -far, self.min_width, 0.0])
        high = x.new_tensor([780.0, 180.0, far, self.max_width, self.max_intensity])
        neutral = torch.cat([(low + high)[:4] / 2, low[4:]])
        return low, neutral, high

    def render(self, x: Tensor, theta: Tensor) -> Tensor:
        wavelength, angle, offset, width, intensity = theta[:, :, None, None].unbind(1)
        row, column = centered(x)
        side, turn = min(x.shape[2:]), angle.deg2rad()
        away = (column * torch.sin(turn) + row * torch.cos(turn)) / side - offset
        half = width / 2
        light = intensity * (half / torch.maximum(away.abs(), half)).square()  # (N, H, W)
        color = rgb(wavelength[:, 0, 0])
        if x.shape[1] == 1:
            color = color @ color.new_tensor(LUMINANCE)[:, None]
        return x + color[:, :, None, None] * light[:, None]


def rgb(wavelength: Tensor) -> Tensor:
    """Give the color (N, 3) of light of a wavelength (N,) in nm, each part in [0, 1]."""
    color = _between(COLORS, wavelength) * _between(VISIBILITY, wavelength)
    return color.clamp(0, 1)  # sums of slopes may round past the ends


def _between(table: Mapping[float, tuple[float, ...]], at: Tensor) -> Tensor:
    """Interpolate the rows of a table at (N,) places: (N, columns)."""
    knots, values = at.new_tensor(list(table)), at.new_tensor(list(table.values()))
    slopes = values.diff(dim=0) / knots.diff()[:, None]
    within = torch.minimum((at[:, None] - knots[:-1]).clamp_min(0), knots.diff())
    return values[0] + within @ slopes
