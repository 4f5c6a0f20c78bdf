from torch import Tensor, nn

Weights = tuple[nn.Parameter, ...]


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

    def layer_groups(self) -> list[Weights]:
        """Give the weights of each layer below `head`, the lowest first, as transfer sees them.

        Unless a backbone knows better, a layer is linear or convolutional, and whatever else has
        weights, such as what normalizes, belongs to the one before.
        """
        seen, groups = {id(weight) for weight in self.head.parameters()}, []
        for module in self.modules():
            own = tuple(w for w in module.parameters(recurse=False) if id(w) not in seen)
            if own and groups and not isinstance(module, nn.Linear | nn.modules.conv._ConvNd):
                groups[-1] += own
            elif own:
                groups.append(own)
        return groups

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
