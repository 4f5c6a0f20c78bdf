from torch import Tensor, nn


class Linear(nn.Module):
    """One linear layer; images are flattened.

    Args:
        inputs: numbers per row.
        outputs: numbers it gives per row.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:  # (N, …) to (N, outputs)
        return self.layer(x.flatten(1))
