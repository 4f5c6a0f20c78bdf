from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.threat import Transformation
from roadworthy.images.resampling import centered

AMBIENT = 0.2  # light that even a black surface throws back, as a share of what a white one does
EDGE = 0.04  # softness of the outline, as a share of the object's radius


@dataclass(frozen=True)
class Phantom(Transformation):
    """An object without depth appears in the scene: projected on it, or shown on a billboard.

    Theta is the strength, the place of the object's middle (down and to the right of the image's,
    as shares of height and width) and its radius as a share of the shorter side. A projection adds
    light, as much as the surface throws back: a dark one shows little of it. A billboard covers
    what is behind it. Its size is the strength alone.

    Inputs are images (N, C, H, W), each a frame while the phantom is lit, or clips (N, F, C, H, W),
    in which it is lit in `frames` frames from the second one on. What is an error in a clip, the
    model says: see `Clip`.

    Source: Nassi et al. 2020, doi:10.1145/3372297.3423359: objects projected for some frames, or
    put into a digital advertisement.
    Differs from the paper: this is a simulation. The surface's reflectance is taken to be its value
    in the image; there is no perspective and no camera.

    Args:
        eps: largest strength, as a share of `max_intensity`.
        mode: `projection` or `billboard`.
        figure: what appears: a `sign` (a red octagon with a white bar), a `person` in white, or a
            white `lane` marking.
        max_intensity: strongest light, of a range of 1, or least transparency of a billboard.
        min_radius: least radius.
        max_radius: largest radius.
        frames: for how many frames of a clip it is lit.
    """

    eps: float = 1.0
    mode: Literal["projection", "billboard"] = "projection"
    figure: Literal["sign", "person", "lane"] = "sign"
    max_intensity: float = 0.5
    min_radius: float = 0.1
    max_radius: float = 0.3
    frames: int = 3

    card = Card(
        "phantom",
        "Phantom object",
        aliases=("phantom of the ADAS",),
        paper="doi:10.1145/3372297.3423359",
    )
    sized = (0,)

    def __post_init__(self) -> None:
        if self.mode not in ("projection", "billboard"):
            raise InputError(f"mode must be projection or billboard, not {self.mode!r}")
        if self.figure not in FIGURES:
            raise InputError(f"figure must be one of {', '.join(FIGURES)}, not {self.figure!r}")

    def bounds(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if x.ndim not in (4, 5) or x.shape[-3] not in (1, 3):
            shape = (*x.shape,)
            raise InputError(f"a phantom appears in gray or RGB images or clips, not in {shape}")
        middle = x.new_tensor([0.0, 0.0, 0.0, (self.min_radius + self.max_radius) / 2])
        low = x.new_tensor([0.0, -0.4, -0.4, self.min_radius])
        high = x.new_tensor([self.max_intensity, 0.4, 0.4, self.max_radius])
        return low, middle, high

    def render(self, x: Tensor, theta: Tensor) -> Tensor:
        if x.ndim == 5:
            lit = x[:, 1 : 1 + self.frames]
            each = theta.repeat_interleave(lit.shape[1], 0)
            shown = self.render(lit.flatten(0, 1), each).reshape(lit.shape)
            return torch.cat([x[:, :1], shown, x[:, 1 + self.frames :]], 1)
        height, width = x.shape[-2:]
        intensity, down, right, radius = theta[:, :, None, None].unbind(1)
        row, column = centered(x)
        scale = radius * min(height, width)
        v, u = (row - down * height) / scale, (column - right * width) / scale
        cover, color = FIGURES[self.figure](v, u)  # (N, 1, H, W) and (N, 3, H, W)
        if x.shape[1] == 1:
            color = color.mean(1, keepdim=True)
        strength = intensity[:, None] * cover
        if self.mode == "billboard":
            return x + strength * (color - x)
        return x + strength * color * (AMBIENT + (1 - AMBIENT) * x)


def _inside(distance: Tensor) -> Tensor:
    """Turn a signed distance from an outline, negative inside, into a soft mask."""
    return torch.sigmoid(-distance / EDGE)[:, None]


def _box(v: Tensor, u: Tensor, half_height: float, half_width: float) -> Tensor:
    return torch.maximum(v.abs() - half_height, u.abs() - half_width)


def _sign(v: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    diagonal = (v.abs() + u.abs()) / 2**0.5
    octagon = torch.maximum(torch.maximum(v.abs(), u.abs()), diagonal) - 1
    bar = _inside(_box(v, u, 0.2, 0.7))
    return _inside(octagon), torch.cat([torch.ones_like(bar), bar, bar], 1)


def _person(v: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    head = (((v + 0.75) ** 2 + u**2) + 1e-12).sqrt() - 0.25
    trunk = _box(v - 0.05, u, 0.5, 0.3)
    legs = _box(v - 0.75, u.abs() - 0.17, 0.25, 0.1)
    cover = _inside(torch.minimum(torch.minimum(head, trunk), legs))
    return cover, torch.ones_like(cover).expand(-1, 3, -1, -1)


def _lane(v: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    cover = _inside(_box(v, u, 1.0, 0.15))
    return cover, torch.ones_like(cover).expand(-1, 3, -1, -1)


FIGURES = {"sign": _sign, "person": _person, "lane": _lane}
