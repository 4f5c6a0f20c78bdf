"""From classes to the ranks above which they are, and from such probabilities back to classes."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import one_hot

Decode = Literal["median", "mode"]
TINY = 1e-12  # probability of a class at least, so that its logarithm is a number


def above(targets: Tensor, classes: int) -> Tensor:
    """Say of each rank how surely the class is above it: (N, K - 1) in [0, 1].

    Args:
        targets: (N,) classes, or (N, K) probabilities.
        classes: how many there are, K.
    """
    if targets.ndim == 1:
        return (targets[:, None] > torch.arange(classes - 1, device=targets.device)).float()
    return 1 - targets.cumsum(1)[:, :-1]


def shares(targets: Tensor, classes: int) -> Tensor:
    """Give targets as probabilities (N, K).

    Args:
        targets: (N,) classes, or (N, K) probabilities.
        classes: how many there are, K.
    """
    return one_hot(targets, classes).float() if targets.ndim == 1 else targets


def class_logs(is_above: Tensor, decode: Decode) -> Tensor:
    """Give logarithms of class probabilities (N, K) from those of being above each rank (N, K - 1).

    Probabilities that rise from one rank to the next make no distribution: they are sorted, which
    brings them nearer to the truth (Chernozhukov, Fernández-Val and Galichon 2010,
    doi:10.3982/ECTA7880) and leaves how many of them are above a half.

    Args:
        is_above: (N, K - 1).
        decode: see `decoded`.
    """
    falling = is_above.sort(dim=1, descending=True).values
    edges = [torch.ones_like(falling[:, :1]), falling, torch.zeros_like(falling[:, :1])]
    return decoded(-torch.cat(edges, 1).diff(dim=1), (falling > 0.5).sum(1), decode)


def decoded(probabilities: Tensor, median: Tensor, decode: Decode) -> Tensor:
    """Give logarithms of class probabilities (N, K) whose largest is the answer.

    Args:
        probabilities: (N, K).
        median: (N,) the class that is above half of the probability.
        decode: `mode` leaves the probabilities as they are, so that the largest is the answer,
            which suits accuracy; `median` moves as little probability as it takes to the median,
            which suits the mean absolute error.
    """
    if decode == "median":
        probabilities = raised(probabilities, median)
    return probabilities.clamp_min(TINY).log()


def raised(probabilities: Tensor, answer: Tensor) -> Tensor:
    """Move as much probability (N, K) to an answer (N,) as makes it the largest."""
    own = probabilities.gather(1, answer[:, None])
    short = (probabilities.amax(1, keepdim=True) - own).clamp_min(0)
    share = torch.where(
        short > 0, short / (1 + short) + 1e-4, short
    )  # of everything, to the answer
    moved = torch.zeros_like(probabilities).scatter(1, answer[:, None], share)
    return (1 - share) * probabilities + moved
