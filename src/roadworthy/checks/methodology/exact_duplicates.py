from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from roadworthy.artifacts.duplicates import EqualRows
from roadworthy.checks.examples import MOST_ROWS, pictures_of, rows_of
from roadworthy.checks.repairs import by_training
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Dataset, Split
from roadworthy.core.estimates import count
from roadworthy.core.finding import Examples, Finding, Remedy
from roadworthy.core.words import words_of

COINCIDENCE = 0.05  # expected equal rows from which on an equal row is no surprise


@dataclass(frozen=True)
class ExactDuplicates(Check):
    """Are test rows copies of training rows?

    What it does: finds rows whose inputs are equal to the last bit: test rows that are also in the
    training split, rows that repeat an earlier one of their own split, and rows of equal inputs
    with different labels. Texts are equal when they differ in nothing but case and spaces. In a
    table of few, coarse columns equal rows can be different people, and many a short text is
    written twice: a row is left out where, were the columns or words independent, more than 0.05
    equal rows were to be expected. All rows are looked at, so the shares have no interval.
    Why it matters: on a row that it has seen a model can recite the answer, so the test measures
    memory; repeated test rows make the test look larger than it is; of two different labels for
    one input at least one is wrong, or the inputs lack what decides.
    When it does not apply: always applies. Correlated coarse columns can still make equal rows of
    different origin: look before leaving them out.
    How to fix: remove copies before splitting; keep one of each.
    References: Barz and Denzler 2020, doi:10.3390/jimaging6060041; Kapoor and Narayanan 2023,
    doi:10.1016/j.patter.2023.100804 (leakage type L1.4).

    Args:
        max_share: largest share of test rows that are copies of training rows.
        max_within: largest share of rows that repeat an earlier row of their split.
        max_conflicts: largest share of rows with an equal row of another label.
    """

    max_share: float = limit(
        0.001, "below", "so few cannot move a reported accuracy by more than 0.1 points"
    )
    max_within: float = limit(
        0.01, "below", "so few hardly change how many rows there are, or their weights"
    )
    max_conflicts: float = limit(
        0.001, "below", "so few cannot move a reported accuracy by more than 0.1 points"
    )

    card = Card(
        "exact-duplicates",
        "Test rows seen in training",
        paper="doi:10.3390/jimaging6060041",
    )
    code = "RW-LEAK-001"
    area = "methodology"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        return (EqualRows(),)

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        data, equal = subject.dataset, get(EqualRows())
        keys = {"train": equal.train.numpy(), "test": equal.test.numpy()}
        telling = telling_rows(data)
        return (
            self._judge_across(subject, keys, telling),
            self._judge_within(subject, keys, telling),
            self._judge_conflicts(subject, keys, telling),
        )

    def _judge_across(
        self, subject: Subject, keys: dict[str, np.ndarray], telling: dict[str, np.ndarray]
    ) -> Finding:
        test = subject.dataset.test
        copied = np.isin(keys["test"], keys["train"])
        seen = np.flatnonzero(copied & telling["test"])
        common = int((copied & ~telling["test"]).sum())
        shrug = f" ({common} more are too common to tell)" if common else ""
        examples = _examples(subject.dataset, "Test rows that are also in train", {test: seen})
        return self.finding(
            f"{len(seen)} of {len(test)} test rows are copies of training rows{shrug}.",
            scope="across splits",
            estimate=count("test rows seen in training", len(seen) / len(test), len(test), "share"),
            threshold=self.threshold("max_share"),
            examples=examples,
            remedies=(
                by_training(subject, "Train without the copies of test rows.", "without-copies"),
                *self._remedies(subject, examples),
            )
            if examples
            else (),
        )

    def _judge_within(
        self, subject: Subject, keys: dict[str, np.ndarray], telling: dict[str, np.ndarray]
    ) -> Finding:
        data = subject.dataset
        splits = (data.train, data.test)
        again = {
            split: np.flatnonzero(repeats(keys[split.name]) & telling[split.name])
            for split in splits
        }
        rows = sum(len(split) for split in splits)
        found = sum(len(repeats) for repeats in again.values())
        examples = _examples(data, "Rows that repeat an earlier one of their split", again)
        return self.finding(
            f"{len(again[data.train])} training and {len(again[data.test])} test rows repeat an "
            "earlier row of their split.",
            scope="within splits",
            estimate=count("rows that repeat another", found / rows, rows, "share"),
            threshold=self.threshold("max_within"),
            measures=tuple(
                count(
                    f"repeats in {split.name}", len(again[split]) / len(split), len(split), "share"
                )
                for split in splits
            ),
            examples=examples,
            remedies=self._remedies(subject, examples),
        )

    def _judge_conflicts(
        self, subject: Subject, keys: dict[str, np.ndarray], telling: dict[str, np.ndarray]
    ) -> Finding:
        data = subject.dataset
        splits = (data.train, data.test)
        key = np.concatenate([keys[split.name] for split in splits])
        y = np.concatenate([split.y.numpy() for split in splits])
        conflict = _conflicts(key, y) & np.concatenate([telling[split.name] for split in splits])
        parts = np.split(conflict, [len(data.train)])
        torn = {split: np.flatnonzero(part) for split, part in zip(splits, parts, strict=True)}
        found = int(conflict.sum())
        examples = _examples(data, "Equal inputs, different targets", torn)
        return self.finding(
            f"{found} of {len(y)} rows have an equal row with another target.",
            scope="different labels",
            estimate=count("rows of conflicting targets", found / len(y), len(y), "share"),
            threshold=self.threshold("max_conflicts"),
            examples=examples,
            remedies=(
                Remedy("Look at these rows and decide which target is right."),
                *self._remedies(subject, examples),
            ),
        )

    def _remedies(self, subject: Subject, examples: tuple[Examples, ...]) -> tuple[Remedy, ...]:
        if not examples:
            return ()
        command = f"roadworthy inspect {subject.arguments} --without DIR/rows/{self.code}.csv"
        return (Remedy("Leave these rows out and judge again.", command),)


def telling_rows(data: Dataset) -> dict[str, np.ndarray]:
    """Say by split of which rows an equal row would be a surprise: (N,) bool."""
    return dict(zip(("train", "test"), np.split(are_telling(data), [len(data.train)]), strict=True))


def are_telling(data: Dataset) -> np.ndarray:
    """Say of training and test rows (N,) whether an equal row would be more than chance."""
    x = torch.cat([data.train.x, data.test.x])
    if data.kind == "image":
        return np.ones(len(x), dtype=bool)
    expected = expected_equal_texts(x) if data.kind == "text" else expected_equals(x.numpy())
    return expected < COINCIDENCE


def expected_equal_texts(x: torch.Tensor) -> np.ndarray:
    """How many of N texts (N, L) would have the words of each by chance, were they independent."""
    row, word = words_of(x)
    _, which, times = word.unique(return_inverse=True, return_counts=True)
    size = torch.bincount(row, minlength=len(x))
    chance = (size.bincount()[size] / len(x)).double().log()
    chance = chance.index_add(0, row, (times[which] / max(1, len(word))).double().log())
    return np.asarray(len(x) * chance.exp())


def expected_equals(x: np.ndarray) -> np.ndarray:
    """How many of N rows (N, D) would equal each one by chance, were columns independent: (N,)."""
    chance = np.zeros(len(x))
    for column in x.T:
        _, code, size = np.unique(column, return_inverse=True, return_counts=True)
        chance += np.log(size[code] / len(x))
    expected: np.ndarray = len(x) * np.exp(chance)
    return expected


def repeats(key: np.ndarray) -> np.ndarray:
    """Say of each key (N,) whether it occurred before: (N,) bool."""
    is_repeat = np.ones(len(key), dtype=bool)
    is_repeat[np.unique(key, return_index=True)[1]] = False
    return is_repeat


def _conflicts(key: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Say of each row whether a row of the same key has another target: (N,) bool."""
    code = np.unique(key, return_inverse=True)[1]
    low, high = np.full(code.max() + 1, np.inf), np.full(code.max() + 1, -np.inf)
    np.minimum.at(low, code, y)
    np.maximum.at(high, code, y)
    is_torn: np.ndarray = (low < high)[code]
    return is_torn


def _examples(data: Dataset, title: str, found: dict[Split, np.ndarray]) -> tuple[Examples, ...]:
    rows = [row for split, numbers in found.items() for row in rows_of(split, numbers)]
    if not rows:
        return ()
    pictures = [
        picture
        for split, numbers in found.items()
        for picture in pictures_of(data, split, numbers, captions(split, numbers))
    ]
    total = sum(len(numbers) for numbers in found.values())
    return (Examples(title, tuple(rows[:MOST_ROWS]), (), tuple(pictures), total=total),)


def captions(split: Split, rows: np.ndarray) -> tuple[str, ...]:
    """Name rows for a picture."""
    return tuple(f"{name} {row}" for name, row in rows_of(split, rows))
