"""The layers of a network, from the inputs up, as transfer sees them."""

from torch import nn

from roadworthy.networks.backbone import Weights, backbone_of, place_of
from roadworthy.training.plan import Rate


def top_of(network: nn.Sequential) -> Weights:
    """Give the weights of the last layer, and of a head after it."""
    place = place_of(network)
    return (*network[place].head.parameters(), *network[place + 1 :].parameters())


def layers_of(network: nn.Sequential) -> list[Weights]:
    """Give the weights of each layer, the lowest first, as the backbone groups them.

    The last is what `top_of` gives.
    """
    return [*backbone_of(network).layer_groups(), top_of(network)]


def below_top(network: nn.Sequential) -> Weights:
    """Give the weights that make the embedding."""
    return tuple(weight for layer in layers_of(network)[:-1] for weight in layer)


def rate_of(layer: Weights, factor: float, start: float = 0.0) -> Rate:
    """Give a rate of so many times the plan's, from some progress on, and 0 before."""
    return Rate(layer, lambda progress: factor if progress >= start else 0.0)


def only_top(network: nn.Sequential, factor: float) -> tuple[Rate, ...]:
    """Let the last layer learn at so many times the plan's rate, and all others rest."""
    return (rate_of(top_of(network), factor), rate_of(below_top(network), 0.0))
