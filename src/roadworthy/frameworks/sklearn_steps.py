"""Fitted scikit-learn transformers written again in torch."""

from collections.abc import Callable
from typing import Any

import torch
from sklearn import preprocessing
from sklearn.decomposition import PCA
from torch import Tensor

from roadworthy.frameworks.expression import Expression, as_tensor


def _standard(step: Any) -> Expression:
    mean = as_tensor(step.mean_ if step.with_mean else 0)
    scale = as_tensor(step.scale_ if step.with_std else 1)
    return lambda x: (x - mean) / scale


def _min_max(step: Any) -> Expression:
    scale, shift = as_tensor(step.scale_), as_tensor(step.min_)
    low, high = step.feature_range
    if step.clip:
        return lambda x: (x * scale + shift).clamp(low, high)
    return lambda x: x * scale + shift


def _max_abs(step: Any) -> Expression:
    scale = as_tensor(step.scale_)
    return lambda x: x / scale


def _robust(step: Any) -> Expression:
    center = as_tensor(step.center_ if step.with_centering else 0)
    scale = as_tensor(step.scale_ if step.with_scaling else 1)
    return lambda x: (x - center) / scale


def _normalizer(step: Any) -> Expression:
    order = {"l1": 1.0, "l2": 2.0, "max": float("inf")}[step.norm]

    def normalize(x: Tensor) -> Tensor:
        length = torch.linalg.vector_norm(x, order, dim=1, keepdim=True)
        return x / torch.where(length == 0, 1.0, length)

    return normalize


def _pca(step: Any) -> Expression:
    mean, axes = as_tensor(step.mean_), as_tensor(step.components_).T
    if step.whiten:
        axes = axes / as_tensor(step.explained_variance_).sqrt()
    return lambda x: (x - mean) @ axes


STEPS: dict[type, Callable[[Any], Expression]] = {
    preprocessing.StandardScaler: _standard,
    preprocessing.MinMaxScaler: _min_max,
    preprocessing.MaxAbsScaler: _max_abs,
    preprocessing.RobustScaler: _robust,
    preprocessing.Normalizer: _normalizer,
    PCA: _pca,
}
