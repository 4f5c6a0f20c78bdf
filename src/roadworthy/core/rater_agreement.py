from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from roadworthy.core.agreement import Level, krippendorff_alpha, rating_counts
from roadworthy.core.errors import InputError, NotAssessed
from roadworthy.core.estimates import Measure, bootstrap


@dataclass(frozen=True)
class RaterAgreement:
    """How far several raters of the same rows agree, beyond chance: Krippendorff's alpha each.

    Args:
        classes: that were given, in their order.
        alpha: of all raters and classes.
        by_class: of each class against all others; without those on which it is not defined, such
            as a class that hardly occurs.
        by_pair: of each two raters, by their numbers; without those that rated no two rows.
    """

    classes: tuple[Any, ...]
    alpha: Measure
    by_class: dict[Any, Measure]
    by_pair: dict[tuple[int, int], Measure]


def rater_agreement(
    labels: Sequence[Sequence[Any]] | np.ndarray,
    level: Level = "nominal",
    classes: Sequence[Any] | None = None,
    seed: int = 0,
) -> RaterAgreement:
    """Say how far raters agree on rows that several of them labelled.

    Intervals are of a bootstrap over rows; those of classes and of pairs hold together.

    Source: Krippendorff 2011, repository.upenn.edu/asc_papers/43.

    Args:
        labels: (N, R), by row what each rater said; None, NaN or an empty string where one did not
            say.
        level: `nominal`; `ordinal`, where the classes are in order; `interval`, where steps between
            neighbors are alike, too.
        classes: in their order; by default as they sort.
        seed: of the bootstrap.

    Raises:
        InputError: there are no two raters, or a label is none of the classes.
        NotAssessed: too few rows, or all labels are the same: agreement is not defined.
    """
    said = np.asarray(labels, dtype=object)
    if said.ndim != 2 or said.shape[1] < 2:
        raise InputError(f"labels must be (N, R) of at least two raters, not {said.shape}")
    is_given = np.array([[_is_given(label) for label in row] for row in said], dtype=bool)
    named = tuple(classes) if classes is not None else tuple(sorted(set(said[is_given])))
    number = {name: k for k, name in enumerate(named)}
    unknown = set(said[is_given]) - set(number)
    if unknown:
        raise InputError(f"{min(map(repr, unknown))} is none of the classes {named}")
    codes = np.full(said.shape, -1)
    codes[is_given] = [number[name] for name in said[is_given]]
    counts = rating_counts(codes, len(named))
    against = {
        name: np.stack([c, counts.sum(1) - c], 1) for name, c in zip(named, counts.T, strict=True)
    }
    pairs = {
        pair: rating_counts(codes[:, pair], len(named))
        for pair in combinations(range(said.shape[1]), 2)
    }
    return RaterAgreement(
        named,
        _alpha("agreement", counts, level, seed),
        _where_defined(against, "agreement on", "nominal", seed),
        _where_defined(pairs, "agreement of raters", level, seed),
    )


def _is_given(label: Any) -> bool:
    return label is not None and label != "" and label == label  # NaN does not equal itself


def _where_defined(
    counts: dict[Any, np.ndarray], name: str, level: Level, seed: int
) -> dict[Any, Measure]:
    found = {}
    for key, each in counts.items():
        try:
            found[key] = _alpha(f"{name} {key}", each, level, seed, len(counts))
        except NotAssessed:
            continue
    return found


def _alpha(name: str, counts: np.ndarray, level: Level, seed: int, comparisons: int = 1) -> Measure:
    """Estimate alpha over the rows (N, K) with two ratings or more."""
    paired = counts[counts.sum(1) >= 2]
    return bootstrap(
        name,
        lambda rows: krippendorff_alpha(paired[rows], level),
        len(paired),
        seed=seed,
        comparisons=comparisons,
    )
