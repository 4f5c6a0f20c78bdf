"""Where a picture shows a face, as its columns say."""

import numpy as np
import torch
from torch import Tensor

from roadworthy.core.dataset import Dataset, Split
from roadworthy.core.errors import InputError


def faces(data: Dataset, part: Split) -> Tensor:
    """Give the faces' left, top, right and bottom (N, 4) in pixels; NaN where not known.

    Raises:
        InputError: a column does not hold numbers.
    """
    sides = []
    for name in data.roles.face:
        text = part.columns[name].astype(str)
        known = np.where(text == "", "nan", text)  # a new array: of two letters, "nan" becomes "na"
        try:
            sides.append(torch.from_numpy(known.astype(float)))
        except ValueError:
            raise InputError(
                f"column {name!r} of --face must hold numbers of pixels; some are none"
            ) from None
    return torch.stack(sides, 1)


def is_located(face: Tensor) -> Tensor:
    """Say which faces (N, 4) are known and not empty: (N,)."""
    return ((face[:, 2:] - face[:, :2]) > 0).all(1)  # false for NaN too
