from collections.abc import Sequence

import torch
from torch import Tensor, nn

from roadworthy.networks.heads.or_nn import ORNN
from roadworthy.networks.heads.ranks import Decode, above


class Coral(ORNN):
    """Ranks as one score and a threshold per rank; all ranks share the weights of the score.

    Args:
        classes: how many there are, K.
        importance: (K - 1) weights of the ranks in the loss; empty weighs them alike.
        decode: whether the answer is the median or the most likely class.
    """

    def __init__(
        self, classes: int, importance: Sequence[float] = (), decode: Decode = "median"
    ) -> None:
        super().__init__(classes, importance, decode)
        self.thresholds = nn.Parameter(torch.arange(classes - 1, 0, -1).float() / (classes - 1))

    def measure(self, y: Tensor) -> None:
        """Start at the thresholds that are best where every score is 0."""
        shares = (above(y, self.classes).double().sum(0) + 0.5) / (len(y) + 1)
        with torch.no_grad():
            self.thresholds.copy_(shares.logit())

    def ranks(self, raw: Tensor) -> Tensor:
        """Give the logit (N, K - 1) of being above each rank, of scores (N, 1)."""
        return raw + self.thresholds
