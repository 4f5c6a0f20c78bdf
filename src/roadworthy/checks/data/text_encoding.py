import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from roadworthy.artifacts.roles import is_known
from roadworthy.checks.broken_text import flaws, spelled_alike, without_flaws
from roadworthy.checks.examples import MOST_ROWS, rows_of, values_of
from roadworthy.core.artifact import Artifact, Get, Subject
from roadworthy.core.card import Card
from roadworthy.core.check import Check, limit
from roadworthy.core.dataset import KINDS, Dataset, Split
from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import count
from roadworthy.core.finding import Examples, Finding, Remedy, Table
from roadworthy.core.text import to_texts

_LINES = re.compile(r"[\t\n\r]+")
MOST_VALUES = 10_000  # different values of a metadata column


@dataclass(frozen=True)
class TextEncoding(Check):
    """Are words broken, or spelled in several ways?

    What it does: looks at the names of columns and classes, at the categories of each column, and
    at the values of the columns that name the environment and sensitive attributes. Broken are
    words read in a wrong encoding (`Ã¤` for `ä`, `â€™` for an apostrophe), with replacement
    characters, HTML entities or invisible characters. Where the inputs are texts, the share of them
    that are broken is judged too. Spelled in several ways are words of one
    column that differ only in case, spaces, hyphens, a final period or Unicode form.
    Why it matters: each spelling becomes a category of its own, with a share of the rows and of the
    effect; where a training set has one and production the other, the model does not know the word.
    When it does not apply: there are no words. Where HTML is what the texts are about, entities are
    rightly there.
    Words read in other wrong encodings than Windows-1252, and synonyms, are not recognized. A
    difference in case can be meant.
    How to fix: read the file in the encoding it was written in; map each spelling to one.
    References: Unicode Standard Annex 15 (normalization forms),
    https://www.unicode.org/reports/tr15.

    Args:
        max_words: how many words may be broken, or spelled as another one is.
        max_texts: largest share of texts that are broken.
    """

    max_words: float = limit(0, "below", "one such word is a category that is not one")

    max_texts: float = limit(
        0.01, "below", "so few hardly change which words a model learns, or how often it meets them"
    )

    card = Card("text-encoding", "Words that are broken or spelled differently")
    code = "RW-DATA-014"
    area = "data"
    kinds = KINDS

    def needs(self, subject: Subject) -> tuple[Artifact[Any], ...]:
        data = subject.dataset
        if data.kind != "text" and not any(words for _, words in _words(data)):
            raise NotAssessed("there are no names of columns, categories or classes")
        return ()

    def judge(self, subject: Subject, get: Get) -> tuple[Finding, ...]:
        words = [(where, counts) for where, counts in _words(subject.dataset) if counts]
        of_words = (self._judge_encoding(words), self._judge_spelling(words)) if words else ()
        return (*of_words, *self._judge_texts(subject.dataset))

    def _judge_texts(self, data: Dataset) -> tuple[Finding, ...]:
        if data.kind != "text":
            return ()
        found = {split: _broken(split) for split in data.splits}
        total, broken = sum(map(len, data.splits)), sum(map(len, found.values()))
        kinds = Counter(flaw for each in found.values() for what in each.values() for flaw in what)
        examples = [
            Examples(
                f"Broken texts of the {split.name} split",
                rows_of(split, np.array(list(each))),
                tuple(map(", ".join, each.values()))[:MOST_ROWS],
                table=values_of(data, split, np.array(list(each)), "Broken texts"),
                total=len(each),
            )
            for split, each in found.items()
            if each
        ]
        often = f" ({', '.join(f'{name}: {n}' for name, n in kinds.most_common())})"
        finding = self.finding(
            f"{broken} of {total} texts are broken{often if broken else ''}.",
            scope="texts",
            estimate=count("broken texts", broken / total, total, "share"),
            threshold=self.threshold("max_texts"),
            examples=tuple(examples),
            remedies=(Remedy("Read the file in the encoding it was written in."),),
        )
        return (finding,)

    def _judge_encoding(self, words: "Words") -> Finding:
        rows = tuple(
            (where, repr(word), ", ".join(flaws(word)), repr(without_flaws(word)), n)
            for where, counts in words
            for word, n in counts.items()
            if flaws(word)
        )
        total = sum(len(counts) for _, counts in words)
        claim = f"None of {total} words is broken."
        if rows:
            where, word, what, meant, _ = rows[0]
            claim = f"{len(rows)} of {total} words are broken, such as {word} ({where}): {what}."
            if meant != word:
                claim = f"{claim[:-1]}; probably {meant}."
        names = ("where", "word", "what is wrong", "probably", "rows")
        return self.finding(
            claim,
            scope="encoding",
            estimate=count("broken words", len(rows), total),
            threshold=self.threshold("max_words"),
            tables=(Table("Broken words", names, rows),) if rows else (),
            remedies=(Remedy("Read the file in the encoding it was written in."),),
        )

    def _judge_spelling(self, words: "Words") -> Finding:
        rows = tuple(
            (where, ", ".join(map(repr, group)), ", ".join(str(counts[word]) for word in group))
            for where, counts in words
            for group in spelled_alike(counts)
        )
        extra = sum(len(group) - 1 for _, counts in words for group in spelled_alike(counts))
        total = sum(len(counts) for _, counts in words)
        claim = f"None of {total} words is spelled in two ways."
        if rows:
            claim = (
                f"{extra} of {total} words are another spelling of one in the same place, such as "
                f"{rows[0][1]} ({rows[0][0]})."
            )
        return self.finding(
            claim,
            scope="spelling",
            estimate=count("spellings too many", extra, total),
            threshold=self.threshold("max_words"),
            tables=(Table("Words spelled in several ways", ("where", "words", "rows"), rows),)
            if rows
            else (),
            remedies=(Remedy("Choose one spelling of each word, in the source or on loading."),),
        )


def _broken(split: Split) -> dict[int, tuple[str, ...]]:
    """Say what is wrong with the texts of a split, by row; nothing of those where all is well."""
    # ends of lines and tabs are no flaw of a text, as they would be of a word
    wrong = {k: flaws(_LINES.sub(" ", text)) for k, text in enumerate(to_texts(split.x))}
    return {row: what for row, what in wrong.items() if what}


Words = list[tuple[str, dict[str, int]]]


def _words(data: Dataset) -> Iterator[tuple[str, dict[str, int]]]:
    """Give the words of each place, and in how many rows each occurs."""
    rows = sum(len(split) for split in data.splits)
    yield "names of columns", {feature.name: rows for feature in data.features}
    if data.classes:
        y = torch.cat([split.y[split.is_labelled] for split in data.splits])
        times = y.bincount(minlength=len(data.classes)).tolist()
        yield "classes", dict(zip(data.classes, times, strict=True))
    for j, feature in enumerate(data.features):
        if feature.categories:
            x = torch.cat([split.x[:, j] for split in data.splits]).long()
            times = x.bincount(minlength=len(feature.categories)).tolist()
            yield f"column {feature.name!r}", dict(zip(feature.categories, times, strict=True))
    roles = (data.roles.environment, *data.roles.sensitive)
    for name in dict.fromkeys(name for name in roles if name is not None):
        values = np.concatenate([split.columns[name] for split in data.splits])
        if values.dtype.kind in "OU":
            found, sizes = np.unique(values[is_known(values)].astype(str), return_counts=True)
            first = found[:MOST_VALUES].tolist()
            yield f"column {name!r}", dict(zip(first, sizes.tolist(), strict=False))
