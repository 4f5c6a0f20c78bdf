from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from roadworthy.causes.nuisances import (
    LEARNERS,
    chances,
    deal,
    expectations,
    expectations_of_two,
)
from roadworthy.causes.refutations import Refutation, refuted
from roadworthy.core.errors import InputError

FOLDS = 5
CLIP = 0.01  # chances of being treated nearer to 0 or 1 are moved there


@dataclass(frozen=True, eq=False)
class Effect:
    """What setting a treatment does to an outcome on average.

    Args:
        scores: (N,) each row's share; their mean is the effect, their spread its doubt.
        robustness: a cause that is not recorded would have to explain this share of what is left
            of treatment and of outcome each, for the effect to vanish.
        unlike: share of rows whose treatment is all but certain (beyond 0.05 or 0.95), so that
            there is little to compare them with; 0 where the treatment is a number.
    """

    scores: np.ndarray
    robustness: float
    unlike: float = 0.0

    @property
    def value(self) -> float:
        """The effect: of treated against not, or of one more unit of a number."""
        return float(self.scores.mean())

    @property
    def standard_error(self) -> float:
        """Of the effect, for independent rows."""
        return float(self.scores.std(ddof=1) / np.sqrt(len(self.scores)))


def average_effect(
    treatment: np.ndarray,
    outcome: np.ndarray,
    held: np.ndarray,
    *,
    seed: int = 0,
    groups: np.ndarray | None = None,
    learners: tuple[str, ...] = LEARNERS,
) -> Effect:
    """Estimate the average effect of a treatment, adjusted for other columns.

    Cross-fitted on five folds (Chernozhukov et al. 2018, arXiv:1608.00060). A treatment of 0 and 1:
    augmented inverse probability weighting (Robins, Rotnitzky, Zhao 1994,
    doi:10.1080/01621459.1994.10476818), which is right where either the outcome or the chance of
    being treated is learned rightly. Another number: the partially linear regression, that is the
    slope of what is left of the outcome by what is left of the treatment. The robustness is that of
    Cinelli and Hazlett 2020, doi:10.1111/rssb.12348.

    Args:
        treatment: (N,) 0 and 1, or numbers.
        outcome: (N,) numbers.
        held: (N, Q) what is adjusted for; Q may be 0.
        seed: deals rows into folds.
        groups: (N,) rows of one number lie in one fold.
        learners: `linear`, `curves`, `trees`; the one that errs least on rows left out is used.

    Raises:
        InputError: the treatment does not vary, or fewer than 10 rows have one of two treatments.
    """
    fold = deal(len(treatment), FOLDS, seed, groups)
    if np.isin(treatment, (0, 1)).all():
        return _of_two(treatment, outcome, held, fold, learners)
    rest = treatment - expectations(held, treatment, fold, learners)
    left = outcome - expectations(held, outcome, fold, learners)
    if np.square(rest).mean() <= 1e-9 * max(treatment.var(), 1e-300):
        raise InputError("the treatment does not vary beside what is adjusted for")
    slope = (rest * left).sum() / np.square(rest).sum()
    influence = rest * (left - slope * rest) / np.square(rest).mean()
    return Effect(slope + influence, robustness(rest, left))


def _of_two(
    treatment: np.ndarray,
    outcome: np.ndarray,
    held: np.ndarray,
    fold: np.ndarray,
    learners: tuple[str, ...],
) -> Effect:
    is_treated = treatment == 1
    if min(is_treated.sum(), (~is_treated).sum()) < 10:
        raise InputError("fewer than 10 rows have one of the two treatments")
    chance = chances(held, is_treated, fold, learners)
    clipped = chance.clip(CLIP, 1 - CLIP)
    no, yes = expectations_of_two(held, is_treated, outcome, fold, learners)
    scores = yes - no
    scores = scores + np.where(
        is_treated, (outcome - yes) / clipped, -(outcome - no) / (1 - clipped)
    )
    expected = chance * yes + (1 - chance) * no
    unlike = float(((chance < 0.05) | (chance > 0.95)).mean())
    return Effect(scores, robustness(treatment - chance, outcome - expected), unlike)


def robustness(rest: np.ndarray, left: np.ndarray) -> float:
    """Say how much of both an unrecorded cause must explain to bring an effect to nothing.

    Source: Cinelli and Hazlett 2020, equation 5 for the estimate.
    """
    squares = np.square(rest).sum() * np.square(left).sum()
    share = (rest * left).sum() ** 2 / squares if squares else 0.0
    odds = share / max(1 - share, 1e-12)
    return float((np.sqrt(odds**2 + 4 * odds) - odds) / 2)


def refutations(
    treatment: np.ndarray,
    outcome: np.ndarray,
    held: np.ndarray,
    *,
    seed: int = 0,
    learners: tuple[str, ...] = ("linear",),
) -> Iterator[Refutation]:
    """Estimate the effect anew where the answer is known: everything is fitted again each time.

    See `refuted`. Arguments are those of `average_effect`.
    """

    def again(rows: np.ndarray, dealt: np.ndarray, noise: np.ndarray | None) -> tuple[float, float]:
        beside = held[rows] if noise is None else np.c_[held[rows], noise]
        parts = treatment[dealt], outcome[rows], beside
        found = average_effect(*parts, seed=seed, learners=learners)
        return found.value, found.standard_error

    return refuted(again, len(treatment), seed=seed)
