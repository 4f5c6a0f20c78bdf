"""p-values corrected for how many there are."""

import numpy as np


def holm(p_values: np.ndarray) -> np.ndarray:
    """Correct p-values for making several comparisons (Holm 1979): (M,) adjusted values."""
    order = np.argsort(p_values)
    steps = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Correct p-values for choosing among many: (M,) adjusted values.

    Of those at most q, at most a share q is expected to be false (Benjamini, Hochberg 1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x).
    """
    order = np.argsort(p_values)[::-1]
    steps = p_values[order] * len(p_values) / np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.minimum.accumulate(steps), 1)
    return adjusted


def conformal_p_values(calibration: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Give p-values (M,) of rows being drawn as calibration rows (N,) are; a high score is odd.

    They depend on each other in a way that `benjamini_hochberg` allows.
    Source: Bates et al. 2023, arXiv:2104.08279, equation 2 and theorem 2.
    """
    below = np.searchsorted(np.sort(calibration), scores, side="left")
    return (1 + len(calibration) - below) / (1 + len(calibration))
