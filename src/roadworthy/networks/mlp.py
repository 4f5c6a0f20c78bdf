from itertools import pairwise

from torch import Tensor, nn

from roadworthy.networks.backbone import Backbone


class MLP(Backbone):
    """A multilayer perceptron with ReLU between its layers; images are flattened.

    Args:
        inputs: numbers per row.
        hidden: widths of the hidden layers.
        outputs: numbers it gives per row.
    """

    def __init__(self, inputs: int, hidden: list[int], outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, width in pairwise([inputs, *hidden]):
            layers += [nn.Linear(before, width), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.width = [inputs, *hidden][-1]
        self.head = nn.Linear(self.width, outputs)

    def embed(self, x: Tensor) -> Tensor:
        return self.layers(x.flatten(1))
