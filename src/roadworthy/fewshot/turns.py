from dataclasses import replace

import numpy as np
import torch

from roadworthy.core.dataset import Split
from roadworthy.core.errors import InputError

QUARTERS = 4


def with_turns(split: Split) -> Split:
    """Add each class turned by 90, 180 and 270 degrees, as three classes of their own.

    The augmentation that papers use on Omniglot (Santoro et al. 2016, arXiv:1605.06065). A class
    that looks the same when turned gets rivals that nobody can tell from it, so it is for
    characters, not for textures or cells.

    Raises:
        InputError: the inputs are no square images.
    """
    if split.x.ndim != 4 or split.x.shape[2] != split.x.shape[3]:
        shape = " × ".join(map(str, split.x.shape[1:]))
        raise InputError(f"a quarter turn takes square images; these are {shape}")
    turned = torch.cat([split.x.rot90(k, (2, 3)) for k in range(QUARTERS)])
    number = torch.arange(QUARTERS).repeat_interleave(len(split))
    return replace(
        split,
        x=turned,
        y=QUARTERS * split.y.repeat(QUARTERS) + number,
        ids=split.ids.repeat(QUARTERS),
        columns={name: np.tile(values, QUARTERS) for name, values in split.columns.items()},
        missing=None,
    )
