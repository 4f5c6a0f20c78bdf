from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.query import Pool, Query


@dataclass(frozen=True)
class BADGE(Query):
    """Picks items whose labels would pull the model far, and each elsewhere.

    An item stands for the gradient of the last layer that it would give if its label were what the
    model predicts: long where the model is unsure. Items are drawn as k-means++ draws its first
    centers, by the squared distance from the gradients drawn before; the first is the longest.

    A gradient is a product of K and of E numbers, and distances follow from those: the matrix of
    U × (K·E) numbers is never made.

    Source: Ash et al. 2020, arXiv:1906.03671, algorithm 1, with the first item as in its authors'
    code; distances without the matrix, Zhang et al. 2023, arXiv:2306.09910, appendix D.
    """

    card = Card(
        "badge",
        "Diverse gradients",
        aliases=("gradient-embeddings",),
        paper="arxiv:1906.03671",
    )
    needs = frozenset({"embeddings", "scores"})
    is_about_coverage = True

    def choose(self, pool: Pool, n: int, generator: torch.Generator) -> Tensor:
        error, h = pool.probabilities, pool.embeddings
        guess = error.argmax(1, keepdim=True)
        error = error.scatter_add(1, guess, -torch.ones_like(guess, dtype=error.dtype))
        length = error.square().sum(1) * h.square().sum(1).double()
        nearest = torch.full_like(length, torch.inf)
        chosen = [int(length.argmax())]
        for _ in range(n - 1):  # how far an item is depends on those drawn before
            last = chosen[-1]
            products = (error @ error[last]) * (h @ h[last]).double()
            nearest = torch.minimum(nearest, (length + length[last] - 2 * products).clamp_min(0))
            nearest[chosen] = 0  # not even by rounding
            chosen.append(_drawn(nearest, chosen, generator))
        return torch.tensor(chosen, device=length.device)


def _drawn(weights: Tensor, chosen: list[int], generator: torch.Generator) -> int:
    """Draw a place by weights (U,), or any that is left where all of them are zero."""
    if not weights.any():
        weights = torch.ones_like(weights)
        weights[chosen] = 0
    total = weights.cumsum(0)
    luck = torch.rand((), generator=generator, dtype=torch.float64).to(weights.device)
    # to the right of equal sums, where a weight begins that is not zero
    place = int(torch.searchsorted(total, luck * total[-1], right=True))
    return min(place, int(weights.nonzero()[-1]))
