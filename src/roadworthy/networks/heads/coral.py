import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from roadworthy.networks.head import Head
from roadworthy.networks.heads.ranks import Decode, above, class_logs


class Coral(Head):
    """Ranks as one score and a threshold per rank; all ranks share the weights of the score.

    Args:
        classes: how many there are, K.
        importance: (K - 1) weights of the ranks in the loss; empty weighs them alike.
        decode: whether the answer is the median or the most likely class.
    """

    def __init__(
        self,
        classes: int,
        importance: list[float] | tuple[float, ...] = (),
        decode: Decode = "median",
    ) -> None:
        super().__init__()
        self.classes, self.decode = classes, decode
        self.thresholds = nn.Parameter(torch.arange(classes - 1, 0, -1).float() / (classes - 1))
        self.register_buffer("importance", torch.tensor(list(importance) or [1.0] * (classes - 1)))

    def ranks(self, raw: Tensor) -> Tensor:
        """Give the logit (N, K - 1) of being above each rank, of scores (N, 1)."""
        return raw + self.thresholds

    def loss(self, raw: Tensor, targets: Tensor) -> Tensor:
        is_above = above(targets, self.classes)
        losses = binary_cross_entropy_with_logits(self.ranks(raw), is_above, reduction="none")
        return (self.importance * losses).sum(1)

    def forward(self, raw: Tensor) -> Tensor:
        return class_logs(self.ranks(raw).sigmoid(), self.decode)
