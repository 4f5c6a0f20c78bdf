"""How unsure probabilities are, and how much of that more labels would take away."""

import torch
from torch import Tensor

BLOCK = 1024  # items at a time, so that a large committee's logarithms do not fill the memory


def entropy(probabilities: Tensor) -> Tensor:
    """Give the entropy (…,) of probabilities (…, K), in nats."""
    return torch.special.entr(probabilities).sum(-1)


def information(members: Tensor) -> Tensor:
    """Give what the label of each item would tell about which member is right: (U,), in nats.

    The entropy of the members' mean less the mean of their entropies: high where each member is
    sure and they contradict each other, zero where they agree that nothing is sure. It is also the
    mean Kullback-Leibler divergence of the members from their mean.

    Args:
        members: (M, U, K) probabilities.
    """
    return torch.cat(
        [entropy(part.mean(0)) - entropy(part).mean(0) for part in members.split(BLOCK, 1)]
    )
