"""Inputs as points between which distances mean something, without asking a model."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from roadworthy.artifacts.coarse_pixels import coarse, principal_axes
from roadworthy.artifacts.plain_inputs import hashed_words
from roadworthy.core.dataset import Dataset

COMPONENTS = 30  # of coarse pixels


def coordinates(data: Dataset, *parts: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
    """Give points (N, E) of sets of rows, measured by the first, and E columns' numbers.

    Numbers are in units of the first set's spread, two different categories at distance 1; images
    are averaged down to 16 pixels a side and projected on the 30 largest components of the first
    set; texts are hashed words. Of images and texts no column is told: (0,).
    """
    if data.kind == "text":
        # without how many words there are: that would outweigh which
        return tuple(hashed_words(part)[:, :-1] for part in parts), torch.empty(0, dtype=torch.long)
    if data.kind == "image":
        return _components(*parts), torch.empty(0, dtype=torch.int64)
    x = torch.cat(parts).double()
    columns, origin = [], []
    # by column: each is of its own kind
    for j, feature in enumerate(data.features):
        if feature.kind == "category":
            part = one_hot(x[:, j].long(), len(feature.categories)).double() / 2**0.5
        else:
            own = x[: len(parts[0]), j]
            own = own[~own.isnan()]
            spread = own.std(correction=0) if len(own) else torch.tensor(0.0)
            center = own.mean() if len(own) else torch.tensor(0.0)
            part = ((x[:, [j]] - center) / (spread if spread > 0 else 1.0)).nan_to_num(0.0)
        columns.append(part)
        origin += [j] * part.shape[1]
    points = torch.cat(columns, 1).split([len(part) for part in parts])
    return tuple(points), torch.tensor(origin)


def _components(*parts: Tensor) -> tuple[Tensor, ...]:
    small = [coarse(part).flatten(1).double() for part in parts]
    center, axes = principal_axes(small[0], COMPONENTS)
    return tuple((part - center) @ axes.T for part in small)
