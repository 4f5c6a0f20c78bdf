"""Weights of one network that another starts with."""

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from roadworthy.core.errors import InputError
from roadworthy.networks import Part, build
from roadworthy.networks.backbone import place_of

WEIGHTS = "weights.safetensors"  # in a bundle


def representation(network: nn.Sequential) -> dict[str, Tensor]:
    """Give the weights by name that make the embedding: none of the last layer and the head."""
    return {k: v for k, v in network.state_dict().items() if not is_of_top(network, k)}


def is_of_top(network: nn.Sequential, name: str) -> bool:
    """Say whether a weight belongs to the last layer of the backbone or to a head after it."""
    place = place_of(network)
    return name.startswith(f"{place}.head.") or int(name.partition(".")[0]) > place


def weights_in(folder: Path) -> dict[str, Tensor]:
    """Read the weights of a bundle; nothing in it is run.

    Raises:
        InputError: it holds none, or they are damaged.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise InputError(f"{folder} is no bundle of a model: it lacks {WEIGHTS}")
    try:
        held = safetensors.torch.load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is damaged: {str(error)[:160]}") from None
    return {name: value for name, value in held.items() if name[:1].isdigit()}  # not the guards'


def fitting(
    held: Mapping[str, Tensor], parts: tuple[Part, ...], source: Path, *, with_top: bool
) -> dict[str, Tensor]:
    """Choose the weights that a network of these parts starts with.

    Args:
        held: by name.
        parts: of the network that starts with them.
        source: where they come from, for messages.
        with_top: whether the last layer, and a head after it, start with them too.

    Raises:
        InputError: the network has weights that are not among them, or of another shape.
    """
    with torch.device("meta"):
        network = build(parts)
    own = {k: v for k, v in network.state_dict().items() if with_top or not is_of_top(network, k)}
    odd = [k for k, v in own.items() if k not in held or held[k].shape != v.shape]
    if odd:
        more = "" if len(odd) == 1 else f" and {len(odd) - 1} others"
        raise InputError(
            f"{source} holds another kind of network: {odd[0]}{more} of the one that is trained "
            "is missing there or has another shape; train with the recipe and the settings that "
            "made it"
        )
    return {name: held[name] for name in own}
