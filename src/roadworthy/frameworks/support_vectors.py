"""Fitted support vector machines of scikit-learn written again in torch."""

from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor

from roadworthy.frameworks.expression import Expression, as_tensor, two_columns


def _kernel(head: Any) -> Expression | None:
    """Give the function of (N, D) rows to (N, V) kernel values with the support vectors."""
    vectors, gamma = as_tensor(head.support_vectors_), float(head._gamma)
    if head.kernel == "linear":
        return lambda x: x @ vectors.T
    if head.kernel == "poly":
        return lambda x: (gamma * (x @ vectors.T) + head.coef0) ** head.degree
    if head.kernel == "sigmoid":
        return lambda x: torch.tanh(gamma * (x @ vectors.T) + head.coef0)
    if head.kernel != "rbf":
        return None

    def rbf(x: Tensor) -> Tensor:
        squares = x.square().sum(1, keepdim=True) + vectors.square().sum(1)
        return torch.exp(-gamma * (squares - 2 * x @ vectors.T).clamp_min(0))

    return rbf


def vector_regression(head: Any) -> Expression | None:
    """Write SVR or NuSVR; None where the kernel is the user's own."""
    kernel = _kernel(head)
    weights, bias = as_tensor(head.dual_coef_)[0], as_tensor(head.intercept_)
    return None if kernel is None else lambda x: kernel(x) @ weights + bias


def vector_classification(head: Any) -> Expression | None:
    """Write SVC or NuSVC; None where the kernel is the user's own."""
    kernel = _kernel(head)
    if kernel is None:
        return None
    bias = as_tensor(head.intercept_)
    if len(head.classes_) == 2:
        weights = as_tensor(head.dual_coef_).T
        return lambda x: two_columns(kernel(x) @ weights + bias)
    pairs = list(combinations(range(len(head.classes_)), 2))
    weights = _pair_weights(head, pairs)
    return lambda x: _votes(kernel(x) @ weights + bias, pairs, len(head.classes_))


def _pair_weights(head: Any, pairs: list[tuple[int, int]]) -> Tensor:
    """Give each pair of classes its weights (V, pairs); `dual_coef_` keeps K - 1 rows for all."""
    dual, owner = (
        as_tensor(head.dual_coef_),
        np.repeat(np.arange(len(head.classes_)), head.n_support_),
    )
    weights = torch.zeros(dual.shape[1], len(pairs), dtype=dual.dtype)
    for column, (first, second) in enumerate(pairs):
        weights[owner == first, column] = dual[second - 1, owner == first]
        weights[owner == second, column] = dual[first, owner == second]
    return weights


def _votes(values: Tensor, pairs: list[tuple[int, int]], classes: int) -> Tensor:
    """Join decisions between pairs: votes, and confidence below half a vote, as SVC does."""
    first = torch.zeros(len(pairs), classes, dtype=values.dtype)
    second = torch.zeros_like(first)
    for row, (i, j) in enumerate(pairs):
        first[row, i] = second[row, j] = 1
    wins = (values > 0).to(values.dtype)
    votes = wins @ first + (1 - wins) @ second
    confidence = values @ (first - second)
    return votes + confidence / (3 * (confidence.abs() + 1))
