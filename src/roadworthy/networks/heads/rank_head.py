from torch import Tensor

from roadworthy.networks.head import Head
from roadworthy.networks.heads.ranks import Decode, class_logs


class RankHead(Head):
    """A head that says of each rank how surely the class is above it.

    Args:
        classes: how many there are, K.
        decode: whether the answer is the median or the most likely class.
    """

    def __init__(self, classes: int, decode: Decode) -> None:
        super().__init__()
        self.classes, self.decode = classes, decode

    def is_above(self, raw: Tensor) -> Tensor:
        """Give the probability (N, K - 1) of being above each rank, as it is, of outputs (N, R)."""
        raise NotImplementedError

    def forward(self, raw: Tensor) -> Tensor:
        return class_logs(self.is_above(raw), self.decode)
