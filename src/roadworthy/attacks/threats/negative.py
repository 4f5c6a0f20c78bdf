from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.threat import Transformation


@dataclass(frozen=True)
class Negative(Transformation):
    """A threat model whose only change turns an image toward its negative.

    A person still sees what it shows. Its one parameter is the share of the way: 0 is the image,
    at 0.5 all is gray, 1 is the negative.

    Args:
        eps: the largest share of the way, in [0, 1].
        low: smallest value of a pixel.
        high: largest value of a pixel.
    """

    eps: float = 1.0
    low: float = 0.0
    high: float = 1.0

    card = Card("negative", "The image's negative", paper="arxiv:1703.06857")

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise InputError(f"low must be below high, not {self.low!r} and {self.high!r}")
        if not 0 <= self.eps <= 1:
            raise InputError(f"eps is a share of the way to the negative, not {self.eps!r}")

    def bounds(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        zero = x.new_zeros(1)
        return zero, zero, zero + 1

    def render(self, x: Tensor, theta: Tensor) -> Tensor:
        share = theta.reshape(-1, *[1] * (x.ndim - 1))
        return torch.lerp(x, self.low + self.high - x, share)  # exact at both ends
