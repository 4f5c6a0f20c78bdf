import torch
from torch import Tensor, nn

from roadworthy.networks.heads.cumulative_link import CumulativeLink
from roadworthy.networks.heads.ranks import Decode

FORGETS = 0.1  # share of a step in the running mean and spread
LEAST = 1e-6


class ScoredClasses(CumulativeLink):
    """Classes by thresholds on a score that is learned elsewhere, of any center and spread.

    Args:
        classes: how many there are, K.
        decode: whether the answer is the median or the most likely class.
    """

    def __init__(self, classes: int, decode: Decode = "median") -> None:
        super().__init__(classes, "probit", decode)
        self.log_slope = nn.Parameter(torch.zeros(()))
        self.register_buffer("center", torch.zeros(()))
        self.register_buffer("spread", torch.ones(()))

    def edges(self, raw: Tensor) -> Tensor:
        standard = (raw - self.center) / self.spread.clamp_min(LEAST)
        return super().edges(standard) * self.log_slope.exp()

    def loss(self, raw: Tensor, targets: Tensor) -> Tensor:
        if self.training:
            with torch.no_grad():
                self.center.lerp_(raw.float().mean(), FORGETS)
                self.spread.lerp_(raw.float().std(unbiased=False), FORGETS)
        return super().loss(raw, targets)
