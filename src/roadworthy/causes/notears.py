import numpy as np
from scipy.optimize import minimize

ROUNDS = 100
CLOSED = 1e-8  # the constraint is taken for kept
STIFFEST = 1e16


def notears(rows: np.ndarray, penalty: float = 0.03, threshold: float = 0.3) -> np.ndarray:
    """Find the weights (D, D) of a linear acyclic model; `[j, i]` is what j adds to i.

    Least squares with an L1 penalty under a smooth constraint that holds for acyclic weights alone,
    by an augmented Lagrangian and L-BFGS-B on the positive and the negative part; then small
    weights are set to 0. It takes the noise of all variables for equally strong, so its answer
    depends on their units: of standardized columns the directions mean little (Reisach, Seiler,
    Weichwald 2021, arXiv:2102.13647). The problem is not convex, so it can miss the best graph.
    Source: Zheng, Aragam, Ravikumar, Xing 2018, arXiv:1803.01422, algorithm 1.

    Differs from the paper: the constraint is the polynomial of Yu et al. 2019, arXiv:1904.10098,
    equation 13, where the matrix exponential would overflow.

    Args:
        rows: (N, D).
        penalty: lambda of the L1 norm.
        threshold: omega, below which a weight is none.
    """
    centered = rows - rows.mean(0)
    n, d = centered.shape
    covariance = centered.T @ centered / n
    free = ~np.eye(d, dtype=bool)
    bounds = [(0.0, None if ok else 0.0) for ok in np.tile(free.ravel(), 2)]

    def weights_of(parts: np.ndarray) -> np.ndarray:
        positive, negative = parts.reshape(2, d, d)
        found: np.ndarray = positive - negative
        return found

    def lagrangian(parts: np.ndarray, rho: float, alpha: float) -> tuple[float, np.ndarray]:
        weights = weights_of(parts)
        rest = np.eye(d) - weights
        loss = 0.5 * np.trace(rest.T @ covariance @ rest)
        h, slope_h = acyclicity(weights)
        value = loss + 0.5 * rho * h * h + alpha * h + penalty * parts.sum()
        slope = -covariance @ rest + (rho * h + alpha) * slope_h
        return float(value), np.concatenate([slope.ravel(), -slope.ravel()]) + penalty

    parts, rho, alpha, h = np.zeros(2 * d * d), 1.0, 0.0, np.inf
    for _ in range(ROUNDS):
        while True:
            found = minimize(lagrangian, parts, (rho, alpha), "L-BFGS-B", jac=True, bounds=bounds).x
            new = acyclicity(weights_of(found))[0]
            if new <= 0.25 * h or rho >= STIFFEST:  # c of the paper
                break
            rho *= 10
        parts, h = found, new
        alpha += rho * h
        if h <= CLOSED or rho >= STIFFEST:
            break
    weights = weights_of(parts)
    return np.where(np.abs(weights) < threshold, 0.0, weights)


def acyclicity(weights: np.ndarray) -> tuple[float, np.ndarray]:
    """Give h of weights (D, D), which is 0 for acyclic ones alone and positive else; its slope."""
    d = len(weights)
    power = np.linalg.matrix_power(np.eye(d) + weights * weights / d, d - 1)
    h = np.trace(power @ (np.eye(d) + weights * weights / d)) - d
    return float(h), power.T * 2 * weights
