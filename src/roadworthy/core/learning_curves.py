"""How the error falls with more training rows, and where it will be beyond the rows at hand."""

from dataclasses import dataclass

import numpy as np

from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import resampled_means

SHAPES = 40
FEWEST_SIZES = 5
OWN_ROWS = 0.6  # two draws of a larger share of the rows are too alike to tell how draws differ


@dataclass(frozen=True)
class Family:
    """Curves offset + drop x shape(t, c), where t is the number of rows over the largest one.

    Args:
        name: what the report calls it.
        lowest: smallest shape parameter c that is tried.
        highest: largest one.
        has_floor: the offset is an error that no number of rows undercuts, so at least 0.
    """

    name: str
    lowest: float
    highest: float
    has_floor: bool = True

    def shape(self, t: np.ndarray) -> np.ndarray:
        """Give the curves (C, T) at shares t (T,), for every shape parameter."""
        c = np.geomspace(self.lowest, self.highest, SHAPES)[:, None]
        match self.name:
            case "power law":
                return np.asarray(t**-c)
            case "exponential":
                return np.asarray(np.exp(-c * t))
            case "shifted inverse":
                return np.asarray(1 / (1 + t / c))
        return np.asarray(-np.log(t))[None]

    @property
    def parameters(self) -> int:
        """How many numbers are fitted."""
        return 3 if self.has_floor else 2


FAMILIES = (
    Family("power law", 0.1, 3.0),
    Family("exponential", 0.5, 30.0),
    Family("shifted inverse", 0.02, 5.0),
    Family("logarithmic", 1.0, 1.0, has_floor=False),
)


@dataclass(frozen=True, eq=False)
class Forecast:
    """The error at some numbers of rows, fitted or foreseen.

    Args:
        value: (T,) the average of the families, weighted by how well they fit.
        draws: (B, T) what else it could be: rows, draws and family drawn anew.
        weights: (F,) weight of each family.
    """

    value: np.ndarray
    draws: np.ndarray
    weights: np.ndarray


def fit(
    family: Family, t: np.ndarray, errors: np.ndarray, variance: np.ndarray, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fit curves to errors (B, S) at shares t (S,) by weighted least squares.

    Offset and drop have a closed form for each shape parameter, which is searched on a grid; a drop
    is never below 0, for more rows do not hurt. Gives chi-squared (B,) and the curves at shares
    `at`: (B, T).
    """
    shape, weight = family.shape(t), 1 / variance
    curves = family.shape(at)
    best = np.full(len(errors), np.inf)
    said = np.empty((len(errors), len(at)))
    mean = errors @ weight / weight.sum()
    for g, curve in zip(shape, curves, strict=True):  # one shape parameter after the other
        middle = g @ weight / weight.sum()
        drop = ((errors - mean[:, None]) * weight) @ (g - middle) / (weight @ (g - middle) ** 2)
        drop = np.maximum(drop, 0)
        offset = mean - drop * middle
        if family.has_floor:  # where the offset ends at 0, the drop is fitted without one
            drop = np.where(offset < 0, (errors * weight) @ g / (weight @ g**2), drop)
            offset = np.maximum(offset, 0)
        chi = np.square(errors - offset[:, None] - drop[:, None] * g) @ weight
        is_better = chi < best
        best = np.where(is_better, chi, best)
        value = np.maximum(offset[:, None] + drop[:, None] * curve, 0)
        said = np.where(is_better[:, None], value, said)
    return best, said


def forecast(
    sizes: np.ndarray,
    errors: np.ndarray,
    at: np.ndarray,
    *,
    pool: int,
    seed: int,
    clusters: np.ndarray | None = None,
) -> Forecast:
    """Fit four families of curves to errors and read them at numbers of rows `at` (T,).

    Test rows are drawn anew for each resample; how much a draw of other training rows would move
    the curve is taken from the draws. Families are weighted by Akaike's criterion with the
    overdispersion of the best one (Burnham, Anderson 2002, doi:10.1007/b97636, section 2.5), and
    each resample draws one of them by its weight.

    Args:
        sizes: (S,) numbers of training rows, rising.
        errors: (R, S, N) errors on N test rows after training on R nested draws.
        at: numbers of training rows to foresee the error of.
        pool: how many rows the draws were made from.
        seed: of the resamples.
        clusters: (N,) which test rows belong together.

    Raises:
        NotAssessed: there are fewer than five sizes.
    """
    if len(sizes) < FEWEST_SIZES:
        raise NotAssessed(f"a curve needs {FEWEST_SIZES} sizes of training set, not {len(sizes)}")
    t, share = sizes / pool, at / pool
    variance = _variance_of_means(sizes, errors, pool)
    mean = errors.mean(0)  # (S, N)
    fits = [fit(family, t, mean.mean(1)[None], variance, share) for family in FAMILIES]
    chi = np.stack([found[0] for found in fits])
    spare = len(sizes) - np.array([family.parameters for family in FAMILIES])
    overdispersion = max(1.0, float((chi[:, 0] / spare).min()))
    weights = _weights(chi / overdispersion)[:, 0]
    value = weights @ np.concatenate([found[1] for found in fits])

    drawn = resampled_means(mean, seed=seed, clusters=clusters)
    generator = np.random.default_rng(seed)
    noise = generator.normal(size=drawn.shape) * np.sqrt(variance * overdispersion)
    again = [fit(family, t, drawn + noise, variance, share) for family in FAMILIES]
    odds = _weights(np.stack([found[0] for found in again]) / overdispersion)
    chosen = (odds.cumsum(0) < generator.random(len(drawn))).sum(0).clip(max=len(FAMILIES) - 1)
    draws = np.stack([found[1] for found in again])[chosen, np.arange(len(drawn))]
    return Forecast(value, draws, weights)


def _variance_of_means(sizes: np.ndarray, errors: np.ndarray, pool: int) -> np.ndarray:
    """Variance (S,) of the mean over the draws, as other training rows would have moved it.

    Draws from one pool share rows, the more so the larger they are. So their spread is too small by
    the share of the pool that they take, and their mean keeps what the whole pool has of its own.
    """
    draws, _, rows = errors.shape
    share = sizes / pool
    is_own = share <= OWN_ROWS
    spread = errors.mean(2).var(0, ddof=1)[is_own] / (1 - share[is_own])
    per_row = float((spread * sizes[is_own]).mean())  # a spread is taken to fall with 1 / rows
    variance = per_row / sizes * (share + (1 - share) / draws)
    least = float(np.square(errors).mean()) / (12 * rows**2)  # errors are counted in whole rows
    return np.asarray(np.maximum(variance, max(least, 1e-12)))


def _weights(chi: np.ndarray) -> np.ndarray:
    """Akaike weights (F, B) of the families."""
    parameters = np.array([family.parameters for family in FAMILIES])[:, None]
    score = chi / 2 + parameters
    odds = np.exp(score.min(0) - score)
    return np.asarray(odds / odds.sum(0))
