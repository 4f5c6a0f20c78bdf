"""Linear structural models whose graph and effects are known, for tests."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LinearModel:
    """Each variable is a weighted sum of those before it, and noise.

    Args:
        weights: (D, D); `weights[j, i]` is what variable j adds to variable i; only j < i.
        noise: `normal`, `uniform` or `laplace`, of variance 1.
    """

    weights: np.ndarray
    noise: str = "normal"

    def draw(self, n, generator, shift=None, spread=None, set_to=None):
        """Draw rows (N, D).

        Args:
            shift: (D,) added to the noise of each variable.
            spread: (D,) by which the noise of each variable is multiplied.
            set_to: values that some variables are set to, by their number.
        """
        d = len(self.weights)
        noise = {
            "normal": generator.normal(size=(n, d)),
            "uniform": generator.uniform(-np.sqrt(3), np.sqrt(3), (n, d)),
            "laplace": generator.laplace(0, np.sqrt(0.5), (n, d)),
        }[self.noise]
        noise = noise * (1 if spread is None else spread) + (0 if shift is None else shift)
        rows = np.zeros((n, d))
        for i in range(d):
            rows[:, i] = rows @ self.weights[:, i] + noise[:, i]
            if set_to is not None and i in set_to:
                rows[:, i] = set_to[i]
        return rows


def random_weights(d, generator, degree=2.0):
    """Draw weights between 0.5 and 1.5 of either sign; a variable has `degree` neighbors."""
    is_edge = np.triu(generator.random((d, d)) < min(1, degree / (d - 1)), 1)
    size = generator.uniform(0.5, 1.5, (d, d)) * generator.choice([-1, 1], (d, d))
    return is_edge * size
