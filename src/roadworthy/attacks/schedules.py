import math

from torch import Tensor


def cosine(first: float, last: float, done: int, steps: int) -> float:
    """Lower a number from `first` to `last` along half a cosine.

    Source: Loshchilov, Hutter 2016, arXiv:1608.03983, equation 5.

    Args:
        first: the number before the first step.
        last: the number after the last step.
        done: how many steps were made.
        steps: how many there are.
    """
    return last + (first - last) * (1 + math.cos(math.pi * done / steps)) / 2


def cosine_each(first: float, last: float, done: Tensor, steps: int) -> Tensor:
    """Do the same for samples that made different numbers of steps: (N,)."""
    lowered: Tensor = last + (first - last) * (1 + (math.pi * done / steps).cos()) / 2
    return lowered
