from torch import Tensor, nn


class Backbone(nn.Module):
    """A network that makes a vector of an input, and its outputs of the vector.

    Whatever takes a representation (transfer, self-supervised training, queries) asks `embed`, and
    puts another layer in the place of `head`. A backbone fills in `embed`, `width` and `head`.
    """

    width: int  # numbers of an embedding
    head: nn.Linear

    def embed(self, x: Tensor) -> Tensor:
        """Give an embedding (N, width) of encoded inputs (N, …)."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:  # (N, …) to (N, outputs)
        return self.head(self.embed(x))


def place_of(network: nn.Sequential) -> int:
    """Say which of the parts makes the embedding."""
    return next(place for place, part in enumerate(network) if isinstance(part, Backbone))


def backbone_of(network: nn.Sequential) -> Backbone:
    """Find the part that makes the embedding."""
    return network[place_of(network)]


def halves(network: nn.Sequential) -> tuple[nn.Sequential, Backbone]:
    """Give what encodes inputs, and the backbone that takes them then."""
    place = place_of(network)
    return network[:place], network[place]


def embedding(network: nn.Sequential, x: Tensor) -> Tensor:
    """Give the embeddings (N, width) of inputs (N, …) as the network takes them."""
    for part in network:
        if isinstance(part, Backbone):
            return part.embed(x)
        x = part(x)
    raise ValueError("the network has no backbone")
