"""Inputs as numbers of like size, for the plain learners and distances that artifacts use."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from roadworthy.artifacts.plain_inputs import plain
from roadworthy.core.dataset import Dataset


def as_numbers(data: Dataset, x: Tensor) -> tuple[Tensor, Tensor]:
    """Give inputs (N, …) as numbers (N, E), and which column each belongs to (E,).

    Pictures are averaged down to at most 16 pixels a side, texts are hashed words, numbers are in
    units of their deviation in the training split, and a category is a column of zeros and ones for
    each of its values.
    """
    if not data.features:
        flat = plain(x)
        return flat, torch.arange(flat.shape[1])
    parts = [
        one_hot(column.long(), len(feature.categories)).double()
        if feature.kind == "category"
        else column.double()[:, None] / feature.scale
        for column, feature in zip(x.T, data.features, strict=True)
    ]
    owner = [torch.full((part.shape[1],), j) for j, part in enumerate(parts)]
    return torch.cat(parts, 1), torch.cat(owner)
