from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Beta, Dirichlet

from roadworthy.core.errors import InputError
from roadworthy.core.shapes import per_sample
from roadworthy.images.changes import CHANGES, Change


@dataclass(frozen=True, eq=False)
class Mixes:
    """How AugMix mixes M images with chains of changes of them.

    Source: Hendrycks et al. 2020, arXiv:1912.02781, section 3, algorithm 1.

    Args:
        share: (M,) of the mixed chains in what comes out; the rest is the image.
        weights: (M, width) of the chains; they sum to 1.
        kinds: (M, width, depth) which change it is at each place; -1 leaves the image as it is.
        strengths: (M, width, depth) in [0, 1], below 0 for the other way around.
    """

    share: Tensor
    weights: Tensor
    kinds: Tensor
    strengths: Tensor

    def take(self, places: Tensor | slice) -> "Mixes":
        """Keep some mixes, or repeat them, by index."""
        return Mixes(*(part[places] for part in vars(self).values()))

    def of(self, x: Tensor, changes: Sequence[Change] = CHANGES) -> Tensor:
        """Mix images (M, C, H, W) in [0, 1]."""
        strengths, mix = self.strengths.to(x), torch.zeros_like(x)
        for chain in range(self.weights.shape[1]):  # chains are few, and each is a sequence
            chained = x
            for place in range(self.kinds.shape[2]):
                kind, strength = self.kinds[:, chain, place], strengths[:, chain, place]
                chained = changed(chained, kind.to(x.device), strength, changes)
            mix = mix + per_sample(self.weights[:, chain].to(x), x) * chained
        return x.lerp(mix, per_sample(self.share.to(x), x)).clamp(0, 1)


def changed(x: Tensor, kind: Tensor, strength: Tensor, changes: Sequence[Change]) -> Tensor:
    """Give each image the change of its kind (N,), -1 for none, at its strength (N,)."""
    result = x.clone()
    for number, change in enumerate(changes):
        chosen = (kind == number).nonzero()[:, 0]
        if len(chosen):
            result[chosen] = change(x[chosen], strength[chosen])
    return result


@dataclass(frozen=True)
class MixSettings:
    """What AugMix draws from: the same for a training and for a guard.

    Args:
        severity: from 0 to 10, the largest strength of a change.
        width: chains that are mixed.
        depth: most changes in a chain; at least one.
        alpha: of the Dirichlet and Beta distributions that weights of the mix are drawn from.
    """

    severity: float = 3.0
    width: int = 3
    depth: int = 3
    alpha: float = 1.0

    def check_mixes(self) -> None:
        """Look whether there can be such mixes.

        Raises:
            InputError: there cannot.
        """
        if min(self.width, self.depth) < 1 or self.alpha <= 0 or not 0 < self.severity <= 10:
            raise InputError(
                "augmix takes a width and depth of at least 1, a positive alpha and a severity up "
                f"to 10, not {self.width}, {self.depth}, {self.alpha} and {self.severity}"
            )

    def drawn(self, count: int) -> Mixes:
        """Draw that many mixes by torch's generator, on the CPU.

        Raises:
            InputError: the settings make no sense.
        """
        self.check_mixes()
        alpha, shape = torch.tensor(self.alpha), (count, self.width, self.depth)
        kinds = torch.randint(len(CHANGES), shape)
        length = torch.randint(1, self.depth + 1, (count, self.width, 1))
        lowest = min(0.1, self.severity)
        level = lowest + (self.severity - lowest) * torch.rand(shape)
        sign = torch.randint(0, 2, shape) * 2 - 1
        return Mixes(
            share=Beta(alpha, alpha).sample((count,)),
            weights=Dirichlet(alpha.expand(self.width)).sample((count,)),
            kinds=torch.where(torch.arange(self.depth) < length, kinds, -1),
            strengths=sign * level / 10,
        )
