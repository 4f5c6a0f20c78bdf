import torch
from torch import Tensor, nn

from roadworthy.core.dataset import Split
from roadworthy.networks import Part, build


def embedding(
    base: Split, width: int, *, halvings: int = 4, normalizes: str = "batch"
) -> nn.Sequential:
    """Make the four-block network for images like those of the base, with random weights."""
    channels = base.x.shape[1]
    settings = {
        "channels": channels,
        "width": width,
        "halvings": halvings,
        "normalizes": normalizes,
    }
    network = build((Part("image-scaler", {"channels": channels}), Part("conv4", settings)))
    network[0].measure(base.x)
    return network.to(base.x.device)


def embed(network: nn.Module, *items: Tensor) -> tuple[Tensor, ...]:
    """Give features (B, S, …) of several sets of items (B, S, …), in one batch.

    In training the sets share the statistics of that batch; in evaluation mode the network has its
    own.
    """
    features = network(torch.cat([x.flatten(0, 1) for x in items]))
    parts = features.split([len(x) * x.shape[1] for x in items])
    return tuple(part.unflatten(0, x.shape[:2]) for part, x in zip(parts, items, strict=True))


def embed_flat(network: nn.Module, *items: Tensor) -> tuple[Tensor, ...]:
    """Give features as `embed`, each a vector: (B, S, D)."""
    return tuple(features.flatten(2) for features in embed(network, *items))


def count_features(network: nn.Module, base: Split) -> int:
    """Say how many numbers a network gives for an image; its statistics are left alone."""
    with torch.no_grad():
        return network.eval()(base.x[:1]).numel()
