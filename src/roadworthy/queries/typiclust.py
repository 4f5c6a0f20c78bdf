from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.query import Pool, Query
from roadworthy.queries.clusters import clusters
from roadworthy.queries.distances import blocks

SMALL = 5  # items, up to which a cluster is one of outliers


@dataclass(frozen=True)
class TypiClust(Query):
    """Picks the most typical item of each part of the data where nothing is labelled yet.

    Everything, labelled or not, is put into as many clusters as there will be labels. Of the
    clusters with the fewest labels, the largest first, the item is picked whose neighbors within
    the cluster are nearest. No model is asked, so that it is for the first labels, when none knows
    enough; it is as good as the embeddings.

    Source: Hacohen, Dekel and Weinshall 2022, arXiv:2202.02794, with the settings of its authors'
    code. Differs from it: how typical an item is, is not computed again after the most typical one
    of its cluster is gone; small clusters come last instead of never.

    Args:
        neighbors: that an item's distance is averaged over; at most half of its cluster.
        most: clusters, at most.
    """

    neighbors: int = 20
    most: int = 500

    card = Card(
        "typiclust",
        "Typical items of new clusters",
        aliases=("typical-clustering",),
        paper="arxiv:2202.02794",
    )
    needs = frozenset({"embeddings"})
    is_about_coverage = True

    def choose(self, pool: Pool, n: int, generator: torch.Generator) -> Tensor:
        labelled = len(pool.known)
        everything = torch.cat([pool.known, pool.embeddings])
        cluster = clusters(everything, min(labelled + n, self.most), generator)
        count = int(cluster.max()) + 1
        size = cluster.bincount(minlength=count)
        labels = cluster[:labelled].bincount(minlength=count)
        cluster = cluster[labelled:]
        is_empty = cluster.bincount(minlength=count) == 0
        order = _sorted(is_empty, size <= SMALL, labels, -size)
        order = order[: int((~is_empty).sum())]
        if n < len(order):
            order = order[:n]  # no other is needed
        places, turns = [], []
        for number in order.tolist():  # one by one: neighbors are looked for within a cluster
            items = (cluster == number).nonzero()[:, 0]
            typical = spread(pool.embeddings[items], self.neighbors).argsort(stable=True)
            places.append(items[typical])
            turns.append(torch.arange(len(items), device=items.device))
        # the most typical of each cluster, in the clusters' order, then the second of each, …
        late = torch.cat([(size <= SMALL)[cluster[items]] for items in places])
        return torch.cat(places)[_sorted(late, torch.cat(turns))[:n]]


def spread(x: Tensor, neighbors: int) -> Tensor:
    """Give the mean distance (N,) of each vector from its nearest others: small is typical."""
    k = min(neighbors, len(x) // 2)
    if k == 0:
        return x.new_zeros(len(x))
    means = []
    for start, squares in blocks(x, x):
        row = torch.arange(len(squares), device=x.device)
        squares[row, start + row] = torch.inf  # itself
        means.append(squares.topk(k, largest=False, sorted=False).values.sqrt().mean(1))
    return torch.cat(means)


def _sorted(*keys: Tensor) -> Tensor:
    """Give the order (N,) by the first key, of equals by the second, and so on."""
    order = torch.arange(len(keys[0]), device=keys[0].device)
    for key in reversed(keys):
        order = order[key[order].argsort(stable=True)]
    return order
