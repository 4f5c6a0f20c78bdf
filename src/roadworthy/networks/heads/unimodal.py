from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus

from roadworthy.networks.head import Head
from roadworthy.networks.heads.ranks import Decode, decoded, shares

Family = Literal["binomial", "poisson"]
LOW = -15.0  # below it the logarithm of softplus is its argument


class Unimodal(Head):
    """Class probabilities that rise to one class and fall behind it, made of one number.

    Args:
        classes: how many there are, K.
        family: whose probabilities they are, before a temperature that is learned.
        decode: whether the answer is the median or the most likely class.
    """

    def __init__(self, classes: int, family: Family = "binomial", decode: Decode = "mode") -> None:
        super().__init__()
        if family not in ("binomial", "poisson"):
            raise ValueError(f"the family is binomial or poisson, not {family!r}")
        self.family, self.decode = family, decode
        place = torch.arange(classes).float()
        self.register_buffer("place", place)
        self.register_buffer("log_factorial", (place + 1).lgamma())
        self.log_temperature = nn.Parameter(torch.zeros(()))

    def logits(self, raw: Tensor) -> Tensor:
        """Give logits of the classes (N, K) from numbers (N, 1)."""
        if self.family == "poisson":
            mass = self.place * log_softplus(raw) - self.log_factorial
        else:
            choices = -self.log_factorial - self.log_factorial.flip(0)
            mass = choices + self.place * logsigmoid(raw) + self.place.flip(0) * logsigmoid(-raw)
        return mass / self.log_temperature.exp()

    def loss(self, raw: Tensor, targets: Tensor) -> Tensor:
        logs = self.logits(raw).log_softmax(1)
        return -(shares(targets, len(self.place)) * logs).sum(1)

    def forward(self, raw: Tensor) -> Tensor:
        probabilities = self.logits(raw).softmax(1)
        median = (probabilities.cumsum(1)[:, :-1] < 0.5).sum(1)
        return decoded(probabilities, median, self.decode)


def log_softplus(x: Tensor) -> Tensor:
    """Give log(log(1 + exp(x))), also where the inner number is too small to be one."""
    return softplus(x.clamp_min(LOW)).log() + (x - LOW).clamp_max(0)
