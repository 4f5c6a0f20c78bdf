"""From classes to the ranks above which they are, and from such probabilities back to classes."""

from typing import Literal

import torch
from torch import Tensor

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


def class_logs(is_above: Tensor, decode: Decode) -> Tensor:
    """Give logarithms of class probabilities (N, K) from those of being above each rank (N, K - 1).

    Probabilities that rise from one rank to the next make no distribution: the smaller of all
    before is taken.

    Args:
        is_above: (N, K - 1).
        decode: `mode` leaves the probabilities as they are, so that the largest is the answer,
            which suits accuracy; `median` moves as little probability as it takes to the class that
            is above half of the ranks' probabilities, which suits the mean absolute error.
    """
    falling = is_above.cummin(1).values
    edges = [torch.ones_like(falling[:, :1]), falling, torch.zeros_like(falling[:, :1])]
    probabilities = -torch.cat(edges, 1).diff(dim=1)
    if decode == "median":
        probabilities = raised(probabilities, (falling > 0.5).sum(1))
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
