from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

# a fitted scikit-learn object as a function of (N, D) float64 rows
Expression = Callable[[Tensor], Tensor]


def as_tensor(values: Any) -> Tensor:
    """Copy what an estimator learned."""
    return torch.as_tensor(np.array(values, dtype=np.float64))


def two_columns(values: Tensor) -> Tensor:
    """Give the first of two classes the decision value 0."""
    if values.shape[1] > 1:
        return values
    return torch.cat([torch.zeros_like(values), values], 1)
