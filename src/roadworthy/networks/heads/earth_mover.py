from torch import Tensor

from roadworthy.networks.head import ClassHead
from roadworthy.networks.heads.ranks import shares


class EarthMover(ClassHead):
    """Logits of classes that learn by the squared distance of cumulative probabilities.

    Args:
        classes: how many there are, K.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def loss(self, raw: Tensor, targets: Tensor) -> Tensor:
        apart = raw.softmax(1) - shares(targets, self.classes)
        return apart.cumsum(1).square().sum(1)
