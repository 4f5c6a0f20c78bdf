import torch
from torch import Tensor

from roadworthy.core.threat import Ball
from roadworthy.core.tree_ensemble import TreeEnsemble
from roadworthy.verification.certified import largest_proven
from roadworthy.verification.region import Box

AT_ONCE = 1 << 23  # numbers of samples, leaves and features or classes at a time
SURE = 1e-9  # of the sum of scores, in double precision


def certified_radius_of_trees(
    trees: TreeEnsemble, x: Tensor, y: Tensor, ball: Ball, valid: Box
) -> Tensor:
    """Give the largest radii (N,) at which the answers y (N,) of trees are proven.

    Within a radius each tree reaches the leaves whose boxes are that near. The worst of them for
    each other class, added up over the trees, bounds the lead of class y. Exact for a single tree;
    of several it forgets that their worst leaves may exclude each other.

    Source: Chen et al. 2019, arXiv:1906.03849, section 3 (one level, cliques of one tree).

    Args:
        trees: the ensemble.
        x: (N, …) inputs.
        y: (N,) classes.
        ball: says the norm, the units and the largest radius that is looked at.
        valid: lowest and highest valid inputs.

    Returns:
        Radii, -1 where the answer is another class.
    """
    wide = len(trees.leaves) * max(trees.features, trees.scores.shape[1])
    most = max(1, AT_ONCE // wide)
    parts = [
        _radii(trees, some, classes, ball, valid)
        for some, classes in zip(x.split(most), y.split(most), strict=True)
    ]
    return torch.cat(parts) if parts else x.new_zeros(0).double()


def _radii(trees: TreeEnsemble, x: Tensor, y: Tensor, ball: Ball, valid: Box) -> Tensor:
    away = _distances(trees, x, ball, valid)
    scores = trees.scores[trees.leaves]
    own = scores.T[y]  # (N, L)
    lead = own[:, :, None] - scores  # (N, L, K)
    base = trees.base[y][:, None] - trees.base
    tree = torch.searchsorted(trees.roots.sort().values, trees.ancestors[:, 0].contiguous())
    place = tree[None, :, None].expand_as(lead)

    def is_proven(eps: Tensor) -> Tensor:
        is_near = away <= eps[:, None] * (1 + 1e-6)
        reached = lead.where(is_near[:, :, None], float("inf"))
        worst = lead.new_full((len(x), len(trees.roots), lead.shape[2]), float("inf"))
        worst = worst.scatter_reduce(1, place, reached, "amin").sum(1) + base
        others = worst.scatter(1, y[:, None], float("inf"))
        return others.amin(1) > SURE

    return largest_proven(is_proven, away.new_full((len(x),), ball.eps))


def _distances(trees: TreeEnsemble, x: Tensor, ball: Ball, valid: Box) -> Tensor:
    """Measure how far each leaf's box is from each sample: (N, L), infinite if out of reach."""
    low, high = trees.boxes
    rows = x.flatten(1)[:, None]
    lowest, highest = (
        end.expand_as(x).flatten(1)[:, None]
        for end in (torch.minimum(valid[0].to(x), x), torch.maximum(valid[1].to(x), x))
    )
    low, high = torch.maximum(low, lowest), torch.minimum(high, highest)
    inside = torch.minimum(torch.maximum(rows, low), high)
    away = ball.distance((inside - rows).reshape(-1, *x.shape[1:])).reshape(len(x), -1)
    return away.masked_fill((low > high).any(2), float("inf")).double()
