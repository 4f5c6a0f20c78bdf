"""How many rows a prediction model of a binary outcome needs (Riley et al. 2019)."""

from dataclasses import dataclass

import numpy as np

SHRINKAGE = 0.9  # what remains of the effects once they are freed of what was fitted to noise
OPTIMISM = 0.05  # of Nagelkerke's R², and margin of error of the overall risk
UNKNOWN = 0.15  # of the largest possible R², where none is known


@dataclass(frozen=True)
class Needed:
    """Least numbers of rows, by criterion.

    Args:
        effects: for coefficients that need be shrunk by a tenth at most (criterion i).
        fit: for an R² that looks too good by 0.05 at most (criterion ii).
        risk: for an overall risk within 0.05 (criterion iii).
    """

    effects: int
    fit: int
    risk: int

    @property
    def rows(self) -> int:
        """The least that meets all three."""
        return max(self.effects, self.fit, self.risk)


def largest_r_squared(prevalence: float) -> float:
    """Give the largest Cox-Snell R² that an outcome of a prevalence allows."""
    logs = prevalence * np.log(prevalence) + (1 - prevalence) * np.log(1 - prevalence)
    return float(1 - np.exp(2 * logs))


def rows_needed(parameters: int, prevalence: float, r_squared: float) -> Needed:
    """Give the least number of rows for a logistic model.

    Source: Riley et al. 2019, doi:10.1002/sim.7992, equations 11, 12 with 11, and criterion (iii).

    Args:
        parameters: coefficients that are considered, without the intercept.
        prevalence: share of the outcome, within 0 and 1.
        r_squared: Cox-Snell's, freed of optimism; above 0.
    """

    def for_shrinkage(shrinkage: float) -> int:
        inner = np.log(1 - r_squared / shrinkage) if r_squared < shrinkage else -np.inf
        return int(np.ceil(parameters / ((shrinkage - 1) * inner)))

    shrinkage = r_squared / (r_squared + OPTIMISM * largest_r_squared(prevalence))
    risk = int(np.ceil((1.96 / OPTIMISM) ** 2 * prevalence * (1 - prevalence)))
    return Needed(for_shrinkage(SHRINKAGE), for_shrinkage(shrinkage), risk)
