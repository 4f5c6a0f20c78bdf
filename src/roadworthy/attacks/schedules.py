import math
from functools import cache
from itertools import pairwise

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


@cache
def checkpoints(steps: int) -> dict[int, int]:
    """Give the steps at which to check an ascent, and how many each is after the one before.

    Source: Croce, Hein 2020, arXiv:2003.01690, section 3.3.
    """
    shares = [0.0, 0.22]
    while shares[-1] < 1:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - 0.03, 0.06))
    places = [math.ceil(share * steps - 1e-9) for share in shares]
    return {place: place - before for before, place in pairwise(places) if place > before}
