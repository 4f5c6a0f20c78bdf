import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus

from roadworthy.networks.heads.rank_head import RankHead
from roadworthy.networks.heads.ranks import TINY, Decode, shares

Link = Literal["logit", "probit"]
GAP = 1e-3  # between two thresholds at least
FAR = 1e4  # a threshold that no score reaches


class CumulativeLink(RankHead):
    """Ranks as one score and rising thresholds: the class is above those that a noisy score passes.

    Args:
        classes: how many there are, K.
        link: whether the noise is logistic or normal.
        decode: whether the answer is the median or the most likely class.
    """

    def __init__(self, classes: int, link: Link = "logit", decode: Decode = "median") -> None:
        super().__init__(classes, decode)
        if link not in ("logit", "probit"):
            raise ValueError(f"the link is logit or probit, not {link!r}")
        self.link = link
        self.first = nn.Parameter(torch.zeros(1))
        self.gaps = nn.Parameter(torch.zeros(classes - 2))

    def measure(self, y: Tensor) -> None:
        """Start at the thresholds that give each class its share when every score is 0."""
        counts = y.bincount(minlength=self.classes).double() + 0.5
        below = (counts.cumsum(0) / counts.sum())[:-1]
        start = below.logit() if self.link == "logit" else torch.special.ndtri(below)
        with torch.no_grad():
            self.first.copy_(start[:1])
            gaps = (start.diff() - GAP).clamp_min(GAP)
            self.gaps.copy_(gaps + (-(-gaps).expm1()).log())  # what softplus makes the gaps of

    @property
    def thresholds(self) -> Tensor:
        """(K - 1) scores; each is above the one before, whatever the weights.

        In double precision: behind thousands, single precision has no room for the least gap.
        """
        first = self.first.double()
        return torch.cat([first, first + (softplus(self.gaps.double()) + GAP).cumsum(0)])

    def edges(self, raw: Tensor) -> Tensor:
        """Give how far above scores (N, 1) the classes begin and end: (N, K + 1)."""
        far = self.first.new_full((1,), FAR)
        return torch.cat([-far, self.thresholds.to(far.dtype), far]) - raw

    def is_above(self, raw: Tensor) -> Tensor:
        beyond = -self.edges(raw)[:, 1:-1]
        return beyond.sigmoid() if self.link == "logit" else torch.special.ndtr(beyond)

    def loss(self, raw: Tensor, targets: Tensor) -> Tensor:
        edges = self.edges(raw)
        between = between_logistic if self.link == "logit" else between_normal
        logs = between(edges[:, :-1], edges[:, 1:])
        return -(shares(targets, self.classes) * logs).sum(1)


def between_logistic(low: Tensor, high: Tensor) -> Tensor:
    """Give the logarithm of the chance of a logistic number to lie between two, the second above.

    σ(b) − σ(a) = σ(b) σ(−a) (1 − exp(a − b)), in which nothing cancels.
    """
    return logsigmoid(high) + logsigmoid(-low) + _log(-(low - high).expm1())


def between_normal(low: Tensor, high: Tensor) -> Tensor:
    """Give the logarithm of the chance of a normal number to lie between two, the second above."""
    is_right = low + high > 0  # seen from the tail that is nearer, where nothing cancels
    near = log_normal(torch.where(is_right, -low, high))
    far = log_normal(torch.where(is_right, -high, low))
    return near + _log(-(far - near).expm1())


def log_normal(x: Tensor) -> Tensor:
    """Give the logarithm of the chance of a normal number to lie below one.

    Torch's own derivative of it is wrong far to the left, where it takes from each other two
    numbers that are as large as the square, and in the end NaN.
    """
    left = x.clamp_max(-1)
    tail = (torch.special.erfcx(-left / math.sqrt(2)) / 2).log() - left.square() / 2
    return torch.where(x < -1, tail, torch.special.log_ndtr(x.clamp_min(-1)))


def _log(share: Tensor) -> Tensor:
    return share.clamp_min(TINY).log()  # huge scores have thresholds that rounding makes one
