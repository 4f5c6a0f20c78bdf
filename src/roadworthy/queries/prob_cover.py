import math
from dataclasses import dataclass

import torch
from torch import Tensor

from roadworthy.core.card import Card
from roadworthy.core.errors import InputError
from roadworthy.core.query import Pool, Query
from roadworthy.queries.clusters import clusters
from roadworthy.queries.distances import blocks, count_neighbors, count_within, from_one

SAMPLE = 2000  # vectors whose balls are looked at for how pure they are


@dataclass(frozen=True)
class ProbCover(Query):
    """Picks, one after the other, the item with the most others nearby that nothing covers yet.

    An item covers what is nearer than a radius. The radius is the largest at which a share of
    `purity` of all balls hold items of one cluster only, with as many clusters as there are
    classes. No model is asked, so that it is for the first labels; unlike `coreset` it starts where
    items are dense. It wants vectors that were learned without labels: in pixels the densest items
    may all be of one class.

    Distances are computed a block at a time and counted; neither they nor a graph are kept. Each
    item becomes covered once, and is then taken off the counts of its neighbors.

    Source: Yehuda et al. 2022, arXiv:2205.11320. Differs from the paper: the radius is found
    exactly instead of on a grid, from 2,000 balls where there are more; once everything is covered,
    items are picked by chance.

    Args:
        purity: share of balls that must hold one cluster.
        radius: of a ball, in place of the one found by purity.
    """

    purity: float = 0.95
    radius: float | None = None

    card = Card(
        "probcover",
        "Covering the most items",
        aliases=("prob-cover", "probability-coverage"),
        paper="arxiv:2205.11320",
    )
    needs = frozenset({"embeddings"})
    is_about_coverage = True

    def choose(self, pool: Pool, n: int, generator: torch.Generator) -> Tensor:
        x = pool.embeddings
        radius = self._radius(pool, generator)
        covers = count_neighbors(x, radius)
        is_covered = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        news = count_within(x, pool.known, radius) > 0
        chosen: list[int] = []
        for _ in range(n):  # what an item covers anew depends on those picked before
            is_covered |= news
            if news.any():
                covers = _without(covers, x, news, is_covered, radius)
            covers[chosen] = -torch.inf
            best = int(covers.argmax())
            chosen.append(best)
            news = ~is_covered & (from_one(x, x[best]) < radius**2)
        return torch.tensor(chosen, device=x.device)

    def _radius(self, pool: Pool, generator: torch.Generator) -> float:
        if self.radius is not None:
            return self.radius
        if not 0 < self.purity <= 1:
            raise InputError(f"probcover takes a purity above 0 and up to 1, not {self.purity}")
        x = torch.cat([pool.known, pool.embeddings])
        return pure_radius(x, clusters(x, pool.classes, generator), self.purity, generator)


def _without(covers: Tensor, x: Tensor, news: Tensor, is_covered: Tensor, radius: float) -> Tensor:
    """Take what has just been covered off the counts; or count what is left, if that is less."""
    left = ~is_covered
    if news.sum() <= left.sum():
        return covers - count_within(x, x[news], radius)
    return count_within(x, x[left], radius)


def pure_radius(x: Tensor, cluster: Tensor, purity: float, generator: torch.Generator) -> float:
    """Give the largest radius at which enough balls hold vectors of one cluster only.

    Args:
        x: (N, E) vectors, each the center of a ball.
        cluster: (N,) to which they belong.
        purity: share of balls that must be pure.
        generator: of the balls that are looked at, where there are many.
    """
    some = torch.randperm(len(x), generator=generator)[:SAMPLE].to(x.device)
    reach = []  # a ball is pure as long as its radius does not exceed this
    for start, squares in blocks(x[some], x):
        own = cluster[some[start : start + len(squares)], None]
        reach.append(squares.masked_fill_(own == cluster, torch.inf).amin(1))
    squares = torch.cat(reach).sort().values
    # so many balls may be impure; a hair more than their share, which rounding may have cut
    return math.sqrt(squares[int((1 - purity) * len(squares) + 1e-9)])
