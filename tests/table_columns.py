"""Columns of a table whose changes cost differently, up and down."""

import numpy as np

from roadworthy.attacks.threats.table import NEVER, Column


def random_columns(seed, count=12):
    """Draw what changes of numbers cost; some can only grow or only shrink."""
    numbers = np.random.default_rng(seed)
    return tuple(
        Column(
            scale=float(numbers.choice([0.1, 1.0, 5.0])),
            up=float(numbers.choice([0.5, 1.0, NEVER])),
            down=float(numbers.choice([1.0, 2.0, NEVER])),
            low=-0.6,
            high=0.5,
        )
        for _ in range(count)
    )
