"""Ordinary changes of table rows (N, D), at severities 1 to 5; the constants are our own."""

from collections.abc import Callable

import torch
from torch import Tensor

from roadworthy.core.dataset import Dataset
from roadworthy.core.streams import Streams


def measurement_noise(x: Tensor, severity: int, streams: Streams, data: Dataset) -> Tensor:
    """Add noise to numbers, in units of the training split's deviation, within its range."""
    share = (0.05, 0.1, 0.2, 0.3, 0.5)[severity - 1]
    is_number = torch.tensor([feature.kind == "number" for feature in data.features])
    scale = torch.tensor([feature.scale for feature in data.features]) * is_number
    low, high = (bound.to(x) for bound in data.bounds)
    noisy = x + share * scale.to(x) * streams.normal(x.shape[1:], x.dtype)
    noisy = torch.minimum(torch.maximum(noisy, torch.minimum(low, x)), torch.maximum(high, x))
    return torch.where(is_number.to(x.device), noisy, x)


def missing_values(x: Tensor, severity: int, streams: Streams, data: Dataset) -> Tensor:
    """Lose values at random: the training split's median, or most frequent category, stands in."""
    share = (0.05, 0.1, 0.2, 0.3, 0.5)[severity - 1]
    columns = zip(data.features, data.train.x.T, strict=True)
    usual = [
        column.median() if feature.kind == "number" else column.mode().values
        for feature, column in columns
    ]
    is_lost = streams.uniform(x.shape[1:], x.dtype) < share
    return torch.where(is_lost, torch.stack(usual).to(x), x)


TABLE_CORRUPTIONS: dict[str, Callable[[Tensor, int, Streams, Dataset], Tensor]] = {
    "measurement noise": measurement_noise,
    "missing values": missing_values,
}
