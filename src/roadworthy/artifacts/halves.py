import numpy as np


def halves(n: int, clusters: np.ndarray | None, seed: int) -> np.ndarray:
    """Draw half of the rows: (N,) bool; whole clusters (N,) where they are given.

    The draw looks at nothing else: what one half shows is no hint of what the other will.
    """
    unit = np.arange(n) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    units = int(unit.max()) + 1
    drawn = np.random.default_rng(seed).permutation(units) < units // 2
    rows: np.ndarray = drawn[unit]
    return rows
