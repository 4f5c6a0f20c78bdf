"""What checks say of datasets whose inputs are texts."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from roadworthy import wrap_model
from roadworthy.artifacts.plain_inputs import WORDS, hashed_words
from roadworthy.checks import CHECKS
from roadworthy.checks.bias.weak_slices import WeakSlicesOfRows
from roadworthy.checks.data.text_encoding import TextEncoding
from roadworthy.checks.methodology.exact_duplicates import ExactDuplicates, expected_equal_texts
from roadworthy.checks.methodology.near_duplicates import NearDuplicateRows
from roadworthy.checks.methodology.shortcuts import Shortcuts
from roadworthy.checks.methodology.source_confounding import SourceConfounding
from roadworthy.checks.performance.baseline import Baseline
from roadworthy.checks.shift.distribution_shift import DistributionShift
from roadworthy.core.artifact import Subject
from roadworthy.core.check import needs_of
from roadworthy.core.dataset import KINDS
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.core.text import to_codes, to_texts
from roadworthy.workflows.inspection import without_rows
from tests.datasets import judge, messages


def likely(data, right=0.8):
    """A function that finds cats by their words, and is sure of it."""

    def probability_of_cars(strings):
        cats = [any(w in s for w in ("cat", "kitten", "paw", "purr", "whisk")) for s in strings]
        return np.where(cats, 1 - right, right) + 0.001 * np.array([len(s) % 7 for s in strings])

    return wrap_model(probability_of_cars, data)


def with_words(data, change):
    """Change the texts of a dataset: a function of a text and of its split, class and number."""
    rows = [
        change(text, split.name, y, k)
        for split in data.splits
        for k, (text, y) in enumerate(zip(to_texts(split.x), split.y.tolist(), strict=True))
    ]
    codes = to_codes(rows).split([len(split) for split in data.splits])
    splits = (replace(split, x=x) for split, x in zip(data.splits, codes, strict=True))
    return replace(data, splits=tuple(splits))


def by_scope(check, data):
    return {finding.scope: finding for finding in judge(check, data, likely(data))}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.card.name)
def test_what_does_not_know_texts_says_so(check):
    data = messages(60)
    assert check.kinds <= KINDS
    if "text" not in check.kinds:
        with pytest.raises(NotAssessed, match="text is not a kind of input"):
            needs_of(check(), Subject(likely(data), data))


def test_a_copy_in_other_case_and_spaces_is_a_copy():
    data = messages()
    seen = to_texts(data.train.x)

    def copy(text, split, y, k):
        return f" {seen[k].upper()}  " if split == "test" and k < 5 else text

    assert (
        by_scope(ExactDuplicates(), with_words(data, copy))["across splits"].verdict is Verdict.FAIL
    )
    assert by_scope(ExactDuplicates(), data)["across splits"].verdict is Verdict.PASS


def test_equal_texts_of_one_common_word_are_no_surprise():
    said = with_words(messages(), lambda text, split, y, k: "OK" if k < 20 else text)
    finding = by_scope(ExactDuplicates(), said)["across splits"]
    assert finding.verdict is Verdict.PASS
    assert "20 more are too common to tell" in finding.claim


def test_expected_equal_texts_are_those_of_independent_words():
    words = [["a"], ["a"], ["b"], ["a", "b"], ["c", "a", "b"], []]
    every = [word for text in words for word in text]
    lengths = [len(text) for text in words]
    expected = [
        len(words)
        * (lengths.count(len(text)) / len(words))
        * np.prod([every.count(word) / len(every) for word in text])
        for text in words
    ]
    found = expected_equal_texts(to_codes([" ".join(text) for text in words]))
    np.testing.assert_allclose(found, expected)


def test_a_planted_near_copy_is_found_and_shown_only_to_who_may_see_rows():
    data = messages()
    seen = to_texts(data.train.x)

    def copy(text, split, y, k):
        return f"{seen[k]}!" if split == "test" and k < 10 else text

    planted = with_words(data, copy)
    (finding,) = judge(NearDuplicateRows(), planted, likely(planted))
    assert finding.verdict is Verdict.FAIL
    assert finding.estimate.value == pytest.approx(10 / len(data.test))
    shown = finding.examples[0].table.rows[0]
    assert shown[1] == f"{shown[3]}!"
    assert without_rows(finding).examples[0].table is None
    assert judge(NearDuplicateRows(), data, likely(data))[0].verdict is Verdict.PASS


def test_broken_texts_are_counted_and_their_lines_are_no_flaw():
    broken = {0: "A cafÃ© with â€œcatsâ€\x9d", 1: "lost \ufffd", 2: "cats &amp; cars"}
    data = with_words(messages(), lambda text, split, y, k: broken.get(k, f"{text}\n\tand so on"))
    finding = by_scope(TextEncoding(), data)["texts"]
    assert finding.estimate.value == pytest.approx(6 / 400)
    assert finding.verdict is Verdict.FAIL
    assert "HTML entities: 2" in finding.claim
    clean = with_words(messages(), lambda text, split, y, k: f"{text}\nand so on")
    assert by_scope(TextEncoding(), clean)["texts"].verdict is Verdict.PASS


def test_a_length_that_tells_the_label_warns():
    longer = with_words(
        messages(), lambda text, split, y, k: f"{text} and some more of it" if y else text
    )
    assert by_scope(Shortcuts(), longer)["length of the text"].verdict is Verdict.WARN
    assert by_scope(Shortcuts(), messages())["length of the text"].verdict is Verdict.PASS


def test_a_slice_of_texts_with_digits_is_found():
    data = messages(1200, noise=0.0)
    odd = with_words(data, lambda text, split, y, k: f"0123 {text}" if k % 5 < 1 else text)

    def wrong_on_digits(strings):
        is_cat = np.array([any(w in s for w in ("cat", "kitten", "paw", "purr")) for s in strings])
        is_flipped = np.array([s.startswith("0") and len(s) % 2 == 0 for s in strings])
        return (is_cat == is_flipped).astype(int)

    (finding,) = judge(WeakSlicesOfRows(), odd, wrap_model(wrong_on_digits, odd))
    assert finding.verdict is Verdict.FAIL
    assert "share of digits" in finding.claim


def test_a_source_that_writes_otherwise_is_seen():
    data = messages()

    def signed(split):
        words = [
            f"{text} cheers" if town == "north" else text
            for text, town in zip(to_texts(split.x), split.columns["town"], strict=True)
        ]
        return replace(split, x=to_codes(words, length=200))

    def seen(data):
        (finding,) = judge(SourceConfounding(), data, likely(data))
        return next(m.value for m in finding.measures if "input" in m.name)

    assert seen(replace(data, splits=tuple(map(signed, data.splits)))) > 0.9
    assert seen(data) < 0.65


def test_texts_of_other_words_are_a_shift():
    data = messages(600)

    def moved(text, split, y, k):
        return text.replace("word", "term") if split == "test" else text

    shifted = by_scope(DistributionShift(), with_words(data, moved))
    assert shifted["test inputs"].verdict is Verdict.FAIL
    assert by_scope(DistributionShift(), data)["test inputs"].verdict is not Verdict.FAIL


def test_a_model_of_noise_is_beaten_by_a_linear_one():
    data = messages()
    blind = wrap_model(lambda strings: [0.3 + 0.4 * (len(s) % 2) for s in strings], data)
    (finding,) = judge(Baseline(), data, blind)
    assert finding.verdict is Verdict.FAIL


def test_hashed_words_tell_what_words_tell():
    data = messages(noise=0.0)
    train, test = (hashed_words(split.x).numpy() for split in data.splits)
    fitted = LogisticRegression(C=100).fit(train, data.train.y)
    assert fitted.score(test, data.test.y) > 0.95


def test_hashed_words_are_the_cosine_of_word_counts_on_average():
    x = hashed_words(to_codes(["one two two", "TWO! one, two", "three four", ""]))[:, :WORDS]
    assert torch.allclose(x[0], x[1])
    assert float(x[0] @ x[2]) == pytest.approx(0, abs=1e-12)
    assert not x[3].any()
