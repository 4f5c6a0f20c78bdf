"""How far two answers to the same rows lie apart, and how soon that counts."""

import math

from torch import Tensor


def squared_gap(first: Tensor, second: Tensor) -> Tensor:
    """Give the mean squared difference of probabilities (N, K), over rows and classes."""
    return (first - second).square().mean()


def gaussian_rise(progress: float, warm_up: float) -> float:
    """Give a weight that rises to 1 during the first share of the training, slowly at first.

    Source: Laine and Aila 2017, arXiv:1610.02242, appendix A.
    """
    left = 1 - min(1.0, progress / max(warm_up, 1e-9))
    return math.exp(-5 * left**2)


def straight_rise(progress: float, start: float, end: float) -> float:
    """Give a weight that rises from 0 to 1 between two shares of the training, evenly."""
    return min(1.0, max(0.0, (progress - start) / max(end - start, 1e-9)))
