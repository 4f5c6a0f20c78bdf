from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor


def below(threshold: Tensor) -> Tensor:
    """Round thresholds (M,) down to float32: of float32 inputs the same ones are at most that."""
    rounded = threshold.to(torch.float32)
    lower = torch.nextafter(rounded, torch.full_like(rounded, float("-inf")))
    return torch.where(rounded.to(threshold.dtype) > threshold, lower, rounded)


def strictly_below(threshold: Tensor) -> Tensor:
    """Give the largest float32 numbers under thresholds (M,): turns `x < t` into `x <= t`."""
    rounded = threshold.to(torch.float32)
    lower = torch.nextafter(rounded, torch.full_like(rounded, float("-inf")))
    return torch.where(rounded.to(threshold.dtype) >= threshold, lower, rounded)


@dataclass(frozen=True, eq=False)
class TreeEnsemble:
    """Decision trees in one list of nodes, whose leaves' scores are added up.

    A node sends x left where `x[feature] <= threshold`, compared in float32. A leaf is its own
    child. Where a library takes a mean, compares by `<` or multiplies by a learning rate, its
    adapter has put that into the numbers.

    Args:
        roots: (T,) the first node of each tree.
        feature: (M,) int64, the feature that a node looks at.
        threshold: (M,) float32.
        left: (M,) the next node where x is at most the threshold.
        right: (M,) the next node elsewhere.
        scores: (M, K) float64, what each leaf adds to each class; 0 at other nodes.
        base: (K,) float64, what all inputs start from.
        features: how many features an input has.
        is_probability: the sums are probabilities, otherwise logits.
    """

    roots: Tensor
    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    scores: Tensor
    base: Tensor
    features: int
    is_probability: bool

    @cached_property
    def levels(self) -> tuple[Tensor, ...]:
        """The nodes of each depth, from the roots down."""
        levels = [self.roots]
        while len(inner := levels[-1][~self.is_leaf[levels[-1]]]):
            levels.append(torch.cat([self.left[inner], self.right[inner]]))
        return tuple(levels)

    @cached_property
    def is_leaf(self) -> Tensor:
        """(M,) which nodes are leaves."""
        return self.left == torch.arange(len(self.left))

    @cached_property
    def leaves(self) -> Tensor:
        """(L,) the nodes that are leaves."""
        return self.is_leaf.nonzero()[:, 0]

    @cached_property
    def ancestors(self) -> Tensor:
        """(L, P) the nodes on the way to each leaf, its root first; a leaf repeats itself."""
        path = self.roots.new_zeros(len(self.left), len(self.levels))
        path[self.roots] = self.roots[:, None]
        for depth, nodes in enumerate(self.levels[:-1], 1):
            inner = nodes[~self.is_leaf[nodes]]
            for children in (self.left[inner], self.right[inner]):
                path[children] = path[inner]
                path[children, depth:] = children[:, None]
        return path[self.leaves]

    @cached_property
    def boxes(self) -> tuple[Tensor, Tensor]:
        """The lowest and highest inputs that reach each leaf: twice (L, D), both ends included."""
        shape = len(self.left), self.features
        low, high = torch.full(shape, float("-inf")), torch.full(shape, float("inf"))
        for nodes in self.levels[:-1]:
            inner = nodes[~self.is_leaf[nodes]]
            left, right = self.left[inner], self.right[inner]
            feature, threshold = self.feature[inner], self.threshold[inner]
            for children in (left, right):
                low[children], high[children] = low[inner], high[inner]
            above = torch.nextafter(threshold, torch.full_like(threshold, float("inf")))
            high[left, feature] = torch.minimum(high[left, feature], threshold)
            low[right, feature] = torch.maximum(low[right, feature], above)
        return low[self.leaves], high[self.leaves]

    def find_leaves(self, x: Tensor) -> Tensor:
        """Give the leaf of each tree, a node's number, for inputs (N, …): (N, T)."""
        rows = x.flatten(1).to(torch.float32)
        at = self.roots.expand(len(rows), -1)
        for _ in range(len(self.levels) - 1):
            goes_left = rows.gather(1, self.feature[at]) <= self.threshold[at]
            at = torch.where(goes_left, self.left[at], self.right[at])
        return at

    def add_up(self, x: Tensor) -> Tensor:
        """Give the scores (N, K) of inputs (N, …)."""
        return self.base + self.scores[self.find_leaves(x)].sum(1)


@runtime_checkable
class HoldsTrees(Protocol):
    """A module that is nothing but decision trees, and hands them out."""

    def tree_ensemble(self, features: int) -> TreeEnsemble:
        """Give the trees, for inputs of so many features."""
