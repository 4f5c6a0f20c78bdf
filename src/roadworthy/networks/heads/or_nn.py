from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from roadworthy.networks.heads.rank_head import RankHead
from roadworthy.networks.heads.ranks import Decode, above


class ORNN(RankHead):
    """Ranks as one logit each, which know nothing of each other.

    Args:
        classes: how many there are, K.
        importance: (K - 1) weights of the ranks in the loss; empty weighs them alike.
        decode: whether the answer is the median or the most likely class.
    """

    def __init__(
        self, classes: int, importance: Sequence[float] = (), decode: Decode = "median"
    ) -> None:
        super().__init__(classes, decode)
        weights = torch.tensor(list(importance) or [1.0] * (classes - 1))
        if len(weights) != classes - 1:
            raise ValueError(
                f"there are {len(weights)} weights of ranks, and {classes} classes have "
                f"{classes - 1} ranks"
            )
        self.register_buffer("importance", weights)

    def ranks(self, raw: Tensor) -> Tensor:
        """Give the logit (N, K - 1) of being above each rank."""
        return raw

    def is_above(self, raw: Tensor) -> Tensor:
        return self.ranks(raw).sigmoid()

    def loss(self, raw: Tensor, targets: Tensor) -> Tensor:
        wanted = above(targets, self.classes)
        losses = binary_cross_entropy_with_logits(self.ranks(raw), wanted, reduction="none")
        return (self.importance * losses).sum(1)
