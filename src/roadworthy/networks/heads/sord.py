import torch
from torch import Tensor

from roadworthy.networks.head import ClassHead
from roadworthy.networks.heads.ranks import shares


class Sord(ClassHead):
    """Logits of classes that learn from soft labels, which fall with the distance from the class.

    Args:
        classes: how many there are, K.
        sharpness: how fast the labels fall.
        power: of the distance.
    """

    def __init__(self, classes: int, sharpness: float = 1.0, power: float = 2.0) -> None:
        super().__init__()
        place = torch.arange(classes).float()
        far = (place[:, None] - place).abs().pow(power)
        self.register_buffer("labels", (-sharpness * far).softmax(1))  # (K, K), a row per class

    def loss(self, raw: Tensor, targets: Tensor) -> Tensor:
        labels = shares(targets, len(self.labels)) @ self.labels
        return -(labels * raw.log_softmax(1)).sum(1)
