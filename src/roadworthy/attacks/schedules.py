import math

import torch
from torch import Tensor


def cosine(first: float, last: float, done: Tensor, steps: int) -> Tensor:
    """Lower a number from `first` to `last` along half a cosine (Loshchilov, Hutter 2016,
    arXiv:1608.03983, equation 5): (N,), or whatever the shape of `done`.

    Args:
        first: the number before the first step.
        last: the number after the last step.
        done: how many steps were made.
        steps: how many there are.
    """
    return last + (first - last) * (1 + torch.cos(math.pi * done / steps)) / 2
