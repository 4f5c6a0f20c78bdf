import torch
from torch import Tensor

from roadworthy.networks.head import ClassHead
from roadworthy.networks.heads.ranks import shares


class DistanceWeightedCrossEntropy(ClassHead):
    """Logits of classes that learn to say no to each wrong class, the more the farther it is.

    Args:
        classes: how many there are, K.
        power: of the distance.
    """

    def __init__(self, classes: int, power: float = 1.0) -> None:
        super().__init__()
        place = torch.arange(classes).float()
        self.register_buffer("far", (place[:, None] - place).abs().pow(power))  # (K, K)

    def loss(self, raw: Tensor, targets: Tensor) -> Tensor:
        weights = shares(targets, len(self.far)) @ self.far
        # from the logits of all others: 1 − p would round to 0 where the model is sure
        own = torch.eye(len(self.far), dtype=torch.bool, device=raw.device)
        others = raw[:, None, :].masked_fill(own, float("-inf")).logsumexp(2)
        return -(weights * (others - raw.logsumexp(1, keepdim=True))).sum(1)
