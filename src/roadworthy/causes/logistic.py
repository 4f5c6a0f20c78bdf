"""Logistic regression of several classes, and what it leaves to be explained."""

import numpy as np
from scipy import special

STEPS = 30
PENALTY = 1e-2  # keeps weights finite where classes can be told apart without an error


def fitted(design: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Fit by Newton's method: the chances (N, K) of each class.

    Args:
        design: (N, Q).
        targets: (N, K) one for the row's class, else zero.
    """
    q, free = design.shape[1], targets.shape[1] - 1  # the last class's weights are zero
    weights = np.zeros((q, free))
    chance = _chances(design, weights)
    for _ in range(STEPS):
        slope = design.T @ (targets - chance)[:, :free] - PENALTY * weights
        curvature = _information(design, design, chance) + PENALTY * np.eye(q * free)
        step = np.linalg.solve(curvature, slope.T.ravel()).reshape(free, q).T
        step *= min(1.0, 5 / max(np.abs(design @ step).max(), 1e-12))  # logits move 5 at most
        weights = weights + step
        chance = _chances(design, weights)
        if np.abs(step).max() < 1e-8:
            break
    return chance


def scores(
    design: np.ndarray, added: np.ndarray, targets: np.ndarray, chance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Say how much columns added to a fitted model would say: scores by row, and their variance.

    Args:
        design: (N, Q) what the model was fitted on.
        added: (N, R).
        targets: (N, K) one for the row's class, else zero.
        chance: (N, K) by the model.

    Returns:
        (N, (K - 1) R) what is left of the added columns beside the design, times the residuals;
        and the variance of their sum by the model.
    """
    crossed = _information(design, added, chance)
    inner = np.linalg.pinv(_information(design, design, chance), hermitian=True)
    explained = inner @ crossed
    rest = (targets - chance)[:, :-1]
    by_row = _by_row(rest, added) - _by_row(rest, design) @ explained
    return by_row, _information(added, added, chance) - crossed.T @ explained


def _by_row(rest: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Give each row's share of the score: (N, (K - 1) Q), a class's numbers side by side."""
    return (rest[:, :, None] * columns[:, None, :]).reshape(len(rest), -1)


def _information(a: np.ndarray, b: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Give the expected products ((K - 1) Q, (K - 1) R) of scores by columns a (N, Q), b (N, R)."""
    free = chance.shape[1] - 1
    blocks = [
        [
            (a * (chance[:, k] * ((k == j) - chance[:, j]))[:, None]).T @ b  # pairs of classes
            for j in range(free)
        ]
        for k in range(free)
    ]
    return np.block(blocks)


def _chances(design: np.ndarray, weights: np.ndarray) -> np.ndarray:
    logits = np.pad(design @ weights, ((0, 0), (0, 1)))
    chances: np.ndarray = special.softmax(logits, axis=1)
    return chances
