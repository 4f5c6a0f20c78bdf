from dataclasses import dataclass

import numpy as np

from roadworthy.core.errors import InputError
from roadworthy.sources.wording import listing

TEST_SHARE = 0.3
PRODUCTION, UNLABELLED = "production", "unlabelled"
APART = (PRODUCTION, UNLABELLED)  # rows that are never split anew
SYNONYMS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev", "development"),
    "test": ("test", "testing", "holdout", "hold-out"),
    PRODUCTION: ("production", "prod", "deployment"),
    UNLABELLED: ("unlabelled", "unlabeled", "pool"),
}
_CANONICAL = {word: name for name, words in SYNONYMS.items() for word in words}


@dataclass(frozen=True, eq=False)
class Division:
    """Which rows belong to which split.

    Args:
        parts: row positions by split, in the order train, val, test, production, unlabelled.
        origin: how it came about, a sentence for the report.
        notes: what was guessed.
    """

    parts: dict[str, np.ndarray]
    origin: str
    notes: tuple[str, ...] = ()


def is_split_name(value: object) -> bool:
    """Say whether a word names a split."""
    return str(value).strip().lower() in _CANONICAL


def canonical_names(names: np.ndarray) -> np.ndarray:
    """Give the splits that names (N,) mean; an unknown name means none, the empty text."""
    words, which = np.unique(names, return_inverse=True)
    return np.array([_CANONICAL.get(str(word).strip().lower(), "") for word in words])[which]


def divide_as_named(names: np.ndarray, origin: str) -> Division:
    """Divide rows by the name of their split (N,); validation serves as test where there is none.

    Raises:
        InputError: a name is not known, or a split is missing.
    """
    words = np.unique(names)
    unknown = [word or "(missing)" for word in words if not is_split_name(word)]
    if unknown:
        known = ", ".join(_CANONICAL)
        raise InputError(f"the split column holds {listing(unknown)}: write one of {known}")
    canonical = canonical_names(names)
    parts = {name: np.flatnonzero(canonical == name) for name in SYNONYMS}
    parts = {name: rows for name, rows in parts.items() if len(rows)}
    notes: tuple[str, ...] = ()
    if "test" not in parts and "val" in parts:
        parts["test"] = parts.pop("val")
        notes = (
            "There is no test split: the validation split serves as one; if it chose the model, "
            "results are better than they should be.",
        )
    for name in ("train", "test"):
        if name not in parts:
            raise InputError(f"the split has no {name} rows, only {listing(parts)}")
    return Division(parts, origin, notes)


def divide_at_random(strata: np.ndarray, seed: int) -> Division:
    """Draw 30 % of each stratum (N,), such as a class, for testing."""
    shuffled = np.random.default_rng(seed).permutation(len(strata))
    order = np.lexsort((shuffled, strata))
    _, sizes = np.unique(strata, return_counts=True)
    rank = np.arange(len(strata)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    is_test = np.zeros(len(strata), dtype=bool)
    is_test[order] = rank < np.repeat(np.round(TEST_SHARE * sizes), sizes)
    origin = (
        "No split was given: 70 % train and 30 % test were drawn at random, stratified by class "
        f"(seed {seed})."
    )
    if len(sizes) == 1:
        origin = origin.replace(", stratified by class", "")
    return Division(_parts(is_test), origin)


def divide_by_group(groups: np.ndarray, strata: np.ndarray, seed: int) -> Division:
    """Draw whole groups (N,) until about 30 % of the rows are for testing.

    Groups are drawn within strata by the stratum most frequent in each, so that classes are spread
    over both splits as far as groups allow. A row without a group stands for itself. Where every
    row has a group, a row's split does not depend on the order of the rows.

    Raises:
        InputError: there is one group only.
    """
    alone = groups == ""
    keys = np.char.add(np.where(alone, "alone ", "group "), groups)
    keys = np.where(alone, np.char.add(keys, np.arange(len(groups)).astype(str)), keys)
    _, member = np.unique(keys, return_inverse=True)
    sizes = np.bincount(member)
    if len(sizes) < 2:
        raise InputError("--split by-group needs at least two groups, and there is one")
    _, stratum = np.unique(strata, return_inverse=True)
    votes = np.zeros((len(sizes), stratum.max() + 1), dtype=np.int64)
    np.add.at(votes, (member, stratum), 1)
    is_test = _draw_groups(sizes, votes.argmax(1), seed)[member]
    origin = (
        "The split is by group: no group has rows in both splits; "
        f"{is_test.mean():.0%} of the rows were drawn for testing (seed {seed})."
    )
    return Division(_parts(is_test), origin)


def _draw_groups(sizes: np.ndarray, strata: np.ndarray, seed: int) -> np.ndarray:
    """Say of each group (G,) whether it is for testing."""
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    order = np.lexsort((shuffled, strata))
    rows = sizes[order].astype(float)
    totals = np.bincount(strata, sizes)[strata[order]]
    reached = np.cumsum(rows) - rows / 2  # the middle of each group, as if rows stood in a line
    firsts = np.r_[True, strata[order][1:] != strata[order][:-1]]
    before = (np.cumsum(rows) - rows)[firsts]
    reached -= np.repeat(before, np.diff(np.r_[np.flatnonzero(firsts), len(order)]))
    is_test = np.zeros(len(sizes), dtype=bool)
    is_test[order] = reached <= TEST_SHARE * totals
    if not is_test.any():
        is_test[sizes.argmin()] = True
    if is_test.all():
        is_test[sizes.argmax()] = False
    return is_test


def divide_by_time(times: np.ndarray) -> Division:
    """Keep the latest rows, as near to 30 % as equal times (N,) allow, for testing.

    Raises:
        InputError: a time is missing, or all are the same.
    """
    is_missing = np.isnan(times) if times.dtype.kind == "f" else times == ""
    if is_missing.any():
        raise InputError(f"--split by-time: {is_missing.sum()} rows have no time")
    moments, which, sizes = np.unique(times, return_inverse=True, return_counts=True)
    if len(moments) < 2:
        raise InputError("--split by-time needs at least two times, and all rows have the same")
    tails = np.cumsum(sizes[::-1])[::-1][1:] / len(times)
    first = 1 + int(np.abs(tails - TEST_SHARE).argmin())
    is_test = which >= first
    origin = f"The split is by time: the latest {is_test.mean():.0%} of the rows are for testing."
    return Division(_parts(is_test), origin)


def _parts(is_test: np.ndarray) -> dict[str, np.ndarray]:
    return {"train": np.flatnonzero(~is_test), "test": np.flatnonzero(is_test)}
