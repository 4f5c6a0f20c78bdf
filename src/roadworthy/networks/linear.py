from torch import Tensor, nn

from roadworthy.networks.backbone import Backbone


class Linear(Backbone):
    """One linear layer; images are flattened. Its embedding is the input.

    Args:
        inputs: numbers per row.
        outputs: numbers it gives per row.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.width = inputs
        self.head = nn.Linear(inputs, outputs)

    def embed(self, x: Tensor) -> Tensor:
        return x.flatten(1)
