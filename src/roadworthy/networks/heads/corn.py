import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from roadworthy.networks.heads.rank_head import RankHead
from roadworthy.networks.heads.ranks import Decode, above


class Corn(RankHead):
    """Ranks as logits of being above each, given that the class is above the rank before.

    Args:
        classes: how many there are, K.
        decode: whether the answer is the median or the most likely class.
    """

    def __init__(self, classes: int, decode: Decode = "median") -> None:
        super().__init__(classes, decode)
        # how many ranks concern a training row, on average
        self.register_buffer("asked", torch.ones(()))

    def measure(self, y: Tensor) -> None:
        self.asked = (y + 1).clamp_max(self.classes - 1).float().mean()

    def is_above(self, raw: Tensor) -> Tensor:
        return logsigmoid(raw).cumsum(1).exp()

    def loss(self, raw: Tensor, targets: Tensor) -> Tensor:
        is_above = above(targets, self.classes)
        concerns = torch.cat([torch.ones_like(is_above[:, :1]), is_above[:, :-1]], 1)
        gains = is_above * logsigmoid(raw) + (concerns - is_above) * logsigmoid(-raw)
        return -gains.sum(1) / self.asked
