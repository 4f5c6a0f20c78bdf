from torch import Tensor

from roadworthy.networks.rescale import Rescale


class Score(Rescale):
    """A number of which only the order means anything: it is left as it is.

    It learns from standardized targets.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x
