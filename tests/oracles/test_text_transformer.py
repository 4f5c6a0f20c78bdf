"""A text's words by number, and what a transformer makes of them."""

import re
from collections import Counter

import pytest
import torch

from roadworthy.core.dataset import Task
from roadworthy.core.errors import InputError
from roadworthy.core.progress import Silent
from roadworthy.core.text import to_codes
from roadworthy.networks import Part, build
from roadworthy.networks.text_transformer import TextTransformer
from roadworthy.networks.word_tokenizer import FIRST, PADDING, UNKNOWN, WordTokenizer
from roadworthy.recipes import TextTransformer as Recipe
from roadworthy.sources.bundles import load_bundle, save_bundle
from roadworthy.workflows.compare import compare
from tests.toy_data import toy

TEXTS = [
    "The cat sat on the mat, and the cat slept.",
    "the CAT sat_on 2 mats!",
    "Über die Brücke, über den Fluss; ÜBER DIE BRÜCKE",
    "",
    "... ?!",
    "a b a b a",
    "And the cat slept on the mat",
    "кот спал 😀 кот спал",
]
SHAPE = {"width": 8, "depth": 2, "heads": 2, "outputs": 3}


def tokenizer(words=1000, length=50, least=1, texts=TEXTS):
    made = WordTokenizer(words, length, least)
    made.measure(to_codes(texts))
    return made


def network(seed=0):
    torch.manual_seed(seed)
    return TextTransformer(words=20, length=50, **SHAPE).eval()


def split(text):
    return re.findall(r"\w+", text.lower())


@pytest.mark.parametrize("least", [1, 2, 3])
def test_numbers_stand_for_the_words_in_their_order(least):
    numbers = tokenizer(least=least)(to_codes(TEXTS))
    rows = Counter(word for text in TEXTS for word in set(split(text)))
    meant = {}
    for text, row in zip(TEXTS, numbers.tolist(), strict=True):
        words = split(text)
        assert row[len(words) :] == [PADDING] * (len(row) - len(words))
        for word, number in zip(words, row, strict=False):
            if rows[word] < least:
                assert number == UNKNOWN
            else:
                assert meant.setdefault(word, number) == number >= FIRST
    assert len(set(meant.values())) == len(meant) == tokenizer(least=least).known


def test_the_words_of_most_rows_are_kept():
    kept = tokenizer(words=2, texts=["one two", "one three", "one two two two", "four two"])
    numbers = kept(to_codes(["one two three four"]))[0].tolist()
    assert sorted(numbers[:2]) == [FIRST, FIRST + 1]
    assert numbers[2:] == [UNKNOWN, UNKNOWN]


def test_rows_are_as_long_as_the_longest_of_them_and_no_longer_than_they_may_be():
    made = tokenizer(length=4)
    assert made(to_codes(["one two", "one"], length=300)).shape == (2, 2)
    long = made(to_codes(["the cat sat on the mat", "the cat"]))
    assert long.shape == (2, 4)
    assert torch.equal(long[:1], made(to_codes(["the cat sat on"])))
    assert made(to_codes(["", "?"])).tolist() == [[PADDING], [PADDING]]


def test_what_stands_beside_a_text_in_a_batch_does_not_matter():
    words, body = tokenizer(words=20), network()
    together = body(words(to_codes(TEXTS)))
    alone = torch.cat([body(words(to_codes([text], length=300))) for text in TEXTS])
    torch.testing.assert_close(alone, together, rtol=1e-5, atol=1e-6)


def test_texts_without_a_word_get_finite_outputs_and_gradients():
    words, body = tokenizer(words=20), network().train()
    outputs = body(words(to_codes(["", "... ?!", "the cat"])))
    outputs.square().sum().backward()
    assert outputs.isfinite().all()
    assert torch.equal(outputs[0], outputs[1])
    assert all(weight.grad.isfinite().all() for weight in body.parameters())


def test_the_embedding_is_the_mean_over_the_words_that_are_there():
    body, numbers = network(), torch.tensor([[5, 6, 7], [8, PADDING, PADDING]])
    states = body.states(numbers)
    expected = torch.stack([states[0].mean(0), states[1, 0]])
    torch.testing.assert_close(body.embed(numbers), expected)


def test_the_order_of_words_counts():
    body = network()
    assert not torch.allclose(body(torch.tensor([[5, 6, 7]])), body(torch.tensor([[7, 6, 5]])))


@pytest.mark.parametrize(
    "wrong",
    [{"words": 0}, {"words": 10**9}, {"length": 0}, {"heads": 3}, {"heads": 0}, {"width": 10**6}],
)
def test_senseless_settings_are_refused(wrong):
    settings = {"words": 20, "length": 50, **SHAPE, **wrong}
    with pytest.raises(InputError, match="wrong: "):
        build((Part("text-transformer", settings),))
    if wrong.keys() <= {"words", "length"}:
        with pytest.raises(InputError, match="wrong: "):
            build((Part("word-tokenizer", {"words": 20, "length": 50, **wrong}),))


def test_a_bundle_keeps_the_vocabulary(tmp_path):
    data = toy(Task.NOMINAL, "text")
    model = Recipe(words=50, width=16, epochs=2).fit(data, data.train, 0, Silent())
    again = load_bundle(save_bundle(model, tmp_path / "bundle"), data)
    assert again.inner.module[0].known > 0
    assert torch.equal(again(data.test.x), model(data.test.x))


def test_queries_that_embed_rows_choose_texts():
    names = [f"text-transformer{query}" for query in ("", "@margin", "@typiclust", "@badge")]
    found = compare(toy(Task.NOMINAL, "text"), names, labels=(24,), seeds=2, passes=2000)
    assert not found.left_out
