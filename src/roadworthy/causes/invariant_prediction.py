from dataclasses import dataclass

import numpy as np
from scipy import special

from roadworthy.causes.logistic import fitted, scores
from roadworthy.causes.score_test import score_test
from roadworthy.core.errors import InputError


@dataclass(frozen=True, eq=False)
class InvariantPrediction:
    """Which sets of columns leave the same residuals in every environment.

    Args:
        columns: the columns whose subsets were tested.
        p_values: (2 ** len(columns),) of each subset's residuals being alike in all environments;
            bit j of the index says that `columns[j]` is in the subset.
    """

    columns: tuple[int, ...]
    p_values: np.ndarray

    def accepted(self, level: float = 0.05) -> tuple[frozenset[int], ...]:
        """List the sets that are not rejected at a level, the likeliest first."""
        kept = np.flatnonzero(self.p_values >= level)
        order = kept[np.argsort(-self.p_values[kept], kind="stable")]
        return tuple(self._set(int(index)) for index in order)

    def parents(self, level: float = 0.05) -> frozenset[int]:
        """Give the columns that lie in every accepted set; none where no set is accepted.

        Where the direct causes are among the columns and the environment does not act on the
        target itself, all of these are direct causes with a chance of at least 1 - level.
        """
        accepted = self.accepted(level)
        return frozenset.intersection(*accepted) if accepted else frozenset()

    def changing(self, level: float = 0.05) -> frozenset[int]:
        """Give the columns that lie in no accepted set; none where no set is accepted."""
        accepted = self.accepted(level)
        return frozenset(self.columns).difference(*accepted) if accepted else frozenset()

    def _set(self, index: int) -> frozenset[int]:
        return frozenset(c for j, c in enumerate(self.columns) if index >> j & 1)


def invariant_prediction(
    blocks: list[np.ndarray], y: np.ndarray, environment: np.ndarray, most: int = 8
) -> InvariantPrediction:
    """Test for each set of columns whether the target depends on it alike in all environments.

    Source: Peters, Bühlmann, Meinshausen 2016, arXiv:1501.01332, section 3.1. As in its method I,
    the coefficients of a linear regression, and the spread of its residuals, must be the same in
    all environments; of classes the coefficients of a logistic regression.

    Differs from the paper: one score test of all coefficients of all environments instead of a
    Chow test for each; Welch's test of absolute residuals (after Levene 1960) instead of an
    F-test, whose level holds only for normal noise; columns are chosen by forward selection.

    Args:
        blocks: for each column its numbers (N, W): one for a number, several for a category.
        y: (N,) numbers, or class numbers (integers).
        environment: (N,) numbers from 0.
        most: how many columns take part; they are chosen without a look at the environment.

    Raises:
        InputError: there is one environment only.
    """
    if environment.max() == 0:
        raise InputError("relations are compared between environments; all rows are of one")
    is_class = y.dtype.kind in "iu"
    targets = np.eye(int(y.max()) + 1)[y] if is_class else y[:, None].astype(float)
    columns = screened(blocks, targets, most)
    test = _classes_alike if is_class else _numbers_alike
    p_values = np.empty(2 ** len(columns))
    # by subset: each has a fit of its own
    for index in range(len(p_values)):
        own = [blocks[c] for j, c in enumerate(columns) if index >> j & 1]
        p_values[index] = test(np.hstack([np.ones((len(y), 1)), *own]), targets, environment)
    return InvariantPrediction(columns, p_values)


def screened(blocks: list[np.ndarray], targets: np.ndarray, most: int) -> tuple[int, ...]:
    """Choose columns that say most of the targets (N, K), one after the other.

    Forward selection by the squares that a least-squares fit leaves, per number of the column.
    """
    if len(blocks) <= most:
        return tuple(range(len(blocks)))
    rest = targets - targets.mean(0)
    free = [block - block.mean(0) for block in blocks]
    chosen: list[int] = []
    while len(chosen) < most:
        bases = [_basis(block) for block in free]
        gains = [
            -1.0 if j in chosen else np.square(basis.T @ rest).sum() / max(basis.shape[1], 1)
            for j, basis in enumerate(bases)
        ]
        best = int(np.argmax(gains))
        chosen.append(best)
        rest = rest - bases[best] @ (bases[best].T @ rest)
        free = [block - bases[best] @ (bases[best].T @ block) for block in free]
    return tuple(sorted(chosen))


def _basis(block: np.ndarray) -> np.ndarray:
    """Give an orthonormal basis of the columns, without directions that are nothing."""
    left, size, _ = np.linalg.svd(block, full_matrices=False)
    return left[:, size > 1e-8 * np.sqrt(len(block))]


def _numbers_alike(design: np.ndarray, targets: np.ndarray, environment: np.ndarray) -> float:
    residual = targets - design @ np.linalg.lstsq(design, targets, rcond=None)[0]
    added = _by_environment(design, environment)
    free = added - design @ np.linalg.lstsq(design, added, rcond=None)[0]
    effects = score_test(residual * free, np.square(residual).mean() * free.T @ free)
    is_own = environment == np.arange(int(environment.max()) + 1)[:, None]
    if len(is_own) == 2:  # the second against the first is the same comparison again
        is_own = is_own[:1]
    spread = np.empty(is_own.shape)
    left = residual[:, 0]
    for row, own in zip(spread, is_own, strict=True):  # medians of parts of different sizes
        row[own] = np.abs(left[own] - np.median(left[own]))
        row[~own] = np.abs(left[~own] - np.median(left[~own]))
    return float(min(1.0, 2 * min(effects, len(is_own) * welch(spread, is_own).min())))


def welch(values: np.ndarray, is_own: np.ndarray) -> np.ndarray:
    """Give p-values (E,) of rows marked in `is_own` (E, N) having the mean of the others."""
    parts = []
    for weight in (is_own.astype(float), (~is_own).astype(float)):
        n = weight.sum(1)
        mean = (values * weight).sum(1) / n
        squares = (np.square(values - mean[:, None]) * weight).sum(1)
        parts.append((n, mean, squares / (n - 1) / n))
    (n, a, va), (m, b, vb) = parts
    variance = np.maximum(va + vb, 1e-300)
    freedom = variance**2 / np.maximum(va**2 / (n - 1) + vb**2 / (m - 1), 1e-300)
    p_values: np.ndarray = 2 * special.stdtr(freedom, -np.abs(a - b) / np.sqrt(variance))
    return p_values


def _classes_alike(design: np.ndarray, targets: np.ndarray, environment: np.ndarray) -> float:
    chance = fitted(design, targets)
    return score_test(*scores(design, _by_environment(design, environment), targets, chance))


def _by_environment(design: np.ndarray, environment: np.ndarray) -> np.ndarray:
    """Give each environment but the first its own columns (N, (E - 1) Q)."""
    is_own = (environment[:, None] == np.arange(1, int(environment.max()) + 1)).astype(float)
    return (is_own[:, :, None] * design[:, None, :]).reshape(len(design), -1)
