import numpy as np
import torch

from roadworthy.artifacts.text_duplicates import ALIKE, FEWEST, LENGTH, find_near_texts
from roadworthy.core.text import folded, to_codes, to_texts

WORDS = [f"{a}{b}" for a in ("red", "blue", "green", "slow", "quick") for b in "abcdefghij"]


def corpus(n, seed):
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(WORDS, generator.integers(1, 12))) for _ in range(n)]


def changed(text, generator):
    place = int(generator.integers(len(text)))
    return f"{text[:place]}#{text[place + 1 :]}"


def shingles(text):
    return {text[k : k + LENGTH] for k in range(len(text) - LENGTH + 1)}


def jaccard(one, other):
    a, b = shingles(one), shingles(other)
    return len(a & b) / len(a | b) if min(len(a), len(b)) >= FEWEST else 0.0


def codes(*groups):
    x = to_codes([text for group in groups for text in group])
    return x.split([len(group) for group in groups])


def test_it_finds_what_comparing_all_pairs_finds():
    generator = np.random.default_rng(1)
    train = corpus(60, 0)
    test = [changed(text, generator) for text in train[:25]] + corpus(25, 2)
    pairs = find_near_texts(*codes(test, train))
    found = dict(zip(pairs[0].tolist(), pairs[2].tolist(), strict=True))
    best = [max(jaccard(one, other) for other in train) for one in test]
    assert found == {k: index for k, index in enumerate(best) if index >= ALIKE}
    assert len(found) > 10
    for k, other in zip(*map(torch.Tensor.tolist, pairs[:2]), strict=True):
        assert jaccard(test[k], train[other]) == best[k]


def test_the_clearest_pair_comes_first():
    generator = np.random.default_rng(1)
    train = corpus(60, 0)
    likeness = find_near_texts(*codes([changed(text, generator) for text in train], train))[2]
    assert torch.equal(likeness, likeness.sort(descending=True).values)


def test_texts_of_other_words_are_no_copies():
    assert len(find_near_texts(*codes(corpus(200, 0), corpus(200, 1)))[0]) == 0


def test_short_texts_are_not_compared():
    assert len(find_near_texts(*codes(["see you then", "ok"], ["see you then", "ok"]))[0]) == 0
    assert len(find_near_texts(*codes(["ok"], ["no"]))[0]) == 0


def test_folding_leaves_case_and_spaces_out():
    assert to_texts(folded(to_codes(["  An  OLD\nStraße ", ""]))) == ["an old strasse", ""]
