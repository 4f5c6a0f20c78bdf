from torch import Tensor, nn


class Head(nn.Module):
    """The last part of a network: says what the raw outputs mean, and what is lost by them.

    While a network is trained the loss is of the raw outputs; afterwards `forward` makes logits of
    classes or a number of them.
    """

    gives_logits = False  # whether the raw outputs are logits of the classes

    def measure(self, y: Tensor) -> None:
        """Look at the targets (N,) that will be trained on."""

    def targets(self, y: Tensor) -> Tensor:
        """Give targets (N,) in the form that `loss` takes them: (N, …)."""
        return y

    def loss(self, raw: Tensor, targets: Tensor) -> Tensor:
        """Give the loss (N,) of raw outputs (N, R).

        Args:
            raw: outputs of the part before.
            targets: (N,) classes, or (N, K) probabilities where something softens them.
        """
        raise NotImplementedError


class ClassHead(Head):
    """A head whose raw outputs are logits of the classes: it has a loss of its own, no more."""

    gives_logits = True

    def forward(self, raw: Tensor) -> Tensor:
        return raw
