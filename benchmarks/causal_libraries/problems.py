"""Rows of structural models whose graph and effects are known; made alike in any interpreter."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

TRUTH_ROWS = 400_000


@dataclass(frozen=True)
class Adjusted:
    """Two common causes of a treatment and of an outcome; the effect is 1 on average.

    Args:
        is_binary: the treatment is 0 or 1.
        is_curved: one common cause acts by its square.
        strength: how strongly the treatment follows the common causes.
        uneven: how much the effect of a row depends on a common cause.
    """

    is_binary: bool
    is_curved: bool = False
    strength: float = 1.0
    uneven: float = 0.0

    def draw(self, seed, n=500):
        """Give treatment (N,), outcome (N,) and what is adjusted for (N, 2)."""
        generator = np.random.default_rng(seed)
        held = generator.normal(size=(n, 2))
        pull = held[:, 0] + (np.square(held[:, 1]) - 1 if self.is_curved else held[:, 1] / 2)
        if self.is_binary:
            chance = 1 / (1 + np.exp(-self.strength * pull))
            treatment = (generator.random(n) < chance).astype(float)
        else:
            treatment = self.strength * pull + generator.normal(size=n)
        effect = 1 + self.uneven * held[:, 0]
        return treatment, effect * treatment + 2 * pull + generator.normal(size=n), held


ADJUSTED = {
    "number, lines": Adjusted(is_binary=False),
    "number, curves": Adjusted(is_binary=False, is_curved=True),
    "two values, lines": Adjusted(is_binary=True),
    "two values, curves": Adjusted(is_binary=True, is_curved=True),
    "two values, uneven effect": Adjusted(is_binary=True, uneven=1.0),
    "two values, little overlap": Adjusted(is_binary=True, strength=2.0),
}


def straight(x):
    return x


def bent(x):
    return np.abs(x) - 0.8


@dataclass(frozen=True, eq=False)
class Simulated:
    """Variables that come about from each other by added noise; one of the first acts on the last.

    Args:
        seed: draws the graph and the rows.
        shape: what a cause goes through before it is weighted.
        n: rows that are given.
    """

    seed: int
    shape: object = straight
    n: int = 500
    size: int = 5

    @cached_property
    def weights(self):
        """(D, D) what variable j adds to variable i, at [j, i]."""
        generator = np.random.default_rng([self.seed, 1])
        while True:
            weights = random_weights(self.size, generator)
            if self._acting(weights):
                return weights

    def _acting(self, weights):
        reached = np.linalg.matrix_power(np.eye(self.size) + (weights != 0), self.size)
        return [j for j in range(self.size - 1) if reached[j, -1]]

    @property
    def treatment(self):
        """Number of the variable that is set: the middle one of those that act on the last."""
        acting = self._acting(self.weights)
        return acting[len(acting) // 2]

    @property
    def names(self):
        return [f"x{j}" for j in range(self.size)]

    @property
    def edges(self):
        return [(self.names[j], self.names[i]) for j, i in np.argwhere(self.weights)]

    def noise(self, n, part):
        return np.random.default_rng([self.seed, part]).normal(size=(n, self.size))

    def rows(self, noise, set_to=None):
        """Let the variables come about (N, D) from noise (N, D); one may be set."""
        rows = np.zeros_like(noise)
        for i in range(self.size):
            rows[:, i] = self.shape(rows) @ self.weights[:, i] + noise[:, i]
            if set_to is not None and i == self.treatment:
                rows[:, i] = set_to
        return rows

    @cached_property
    def given(self):
        return self.rows(self.noise(self.n, 2))

    @cached_property
    def truth(self):
        """How the mean of the last changes when the treatment is set from 0 to 1."""
        noise = self.noise(TRUTH_ROWS, 3)
        low, high = (self.rows(noise, value)[:, -1].mean() for value in (0.0, 1.0))
        return high - low

    def asked(self, n=100):
        """Give rows (N, D) that were, what each is set to (N,), and the last then (N,)."""
        noise = self.noise(n, 4)
        were = self.rows(noise)
        set_to = were[:, self.treatment] + 1
        return were, set_to, self.rows(noise, set_to)[:, -1]


SHAPES = {"lines": straight, "curves": bent}
NOISES = ("normal", "uniform")
GRAPHS = {  # variables and rows
    "5 variables, 300 rows": (5, 300),
    "5 variables, 2000 rows": (5, 2000),
    "10 variables, 2000 rows": (10, 2000),
}


def random_weights(d, generator, degree=2.0):
    """Draw weights between 0.5 and 1.5 of either sign; a variable has `degree` neighbors."""
    is_edge = np.triu(generator.random((d, d)) < min(1, degree / (d - 1)), 1)
    size = generator.uniform(0.5, 1.5, (d, d)) * generator.choice([-1, 1], (d, d))
    return is_edge * size


def graph_rows(d, n, noise, seed):
    """Draw rows (N, D) of a linear model in any order of columns, and its arrows (D, D)."""
    generator = np.random.default_rng(seed)
    weights = random_weights(d, generator)
    own = generator.uniform(-np.sqrt(3), np.sqrt(3), (n, d))
    if noise == "normal":
        own = generator.normal(size=(n, d))
    rows = own @ np.linalg.inv(np.eye(d) - weights)
    order = generator.permutation(d)
    return rows[:, order], (weights != 0)[np.ix_(order, order)]


def ward(n, seed):
    """Doctors give the old more; in the trial, half of the rows, a coin sets the dose.

    Gives age, dose and level (N, 3), the target (N,), and whether a row is of the trial (N,).
    """
    generator = np.random.default_rng(seed)
    is_trial = generator.random(n) < 0.5
    age = generator.normal(size=n)
    dose = np.where(is_trial, generator.choice([-1.0, 1.0], n), age + generator.normal(size=n))
    level = dose + generator.normal(size=n)
    target = level - 2 * age + generator.normal(size=n)
    return np.c_[age, dose, level], target, is_trial
