import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from roadworthy.core.progress import Silent
from roadworthy.core.text import to_codes, to_texts
from roadworthy.core.words import UNUSED, words_of
from roadworthy.networks.bag_of_words import BagOfWords
from roadworthy.recipes import BagOfWords as Recipe
from roadworthy.sources import load_dataset
from tests.datasets import shared

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


def vectorizer(least=1):
    return TfidfVectorizer(token_pattern=r"\w+", ngram_range=(1, 2), min_df=least)


def vectors(texts, measured, terms=1000, least=1):
    network = BagOfWords(terms, least)
    network.measure(to_codes(measured))
    return network, network(to_codes(texts))


@pytest.mark.parametrize("least", [1, 2, 3])
def test_it_is_tf_idf_but_for_the_order_of_terms(least):
    ours = vectors(TEXTS, TEXTS, least=least)[1].double()
    theirs = torch.from_numpy(vectorizer(least).fit_transform(TEXTS).toarray())
    # angles between texts tell vectors apart but for the order of their numbers
    torch.testing.assert_close(ours @ ours.T, theirs @ theirs.T, rtol=1e-5, atol=1e-6)
    assert torch.allclose(
        ours.sort(1).values[:, -theirs.shape[1] :].float(), theirs.sort(1).values.float()
    )


def test_unknown_terms_of_other_texts_count_for_nothing():
    new = ["the unseen cat", "unseen"]
    ours = vectors(TEXTS[:2] + new, TEXTS)[1].double()
    theirs = torch.from_numpy(vectorizer().fit(TEXTS).transform(TEXTS[:2] + new).toarray())
    torch.testing.assert_close(ours @ ours.T, theirs @ theirs.T, rtol=1e-5, atol=1e-6)


def test_the_terms_of_most_rows_are_kept():
    network, _ = vectors(TEXTS, ["one two", "one three", "one two", "two"], terms=2)
    kept, _ = vectors(TEXTS, ["one", "two"], terms=2)
    assert torch.equal(network.hashes, kept.hashes)


def test_room_that_no_term_fills_counts_for_nothing():
    network, found = vectors(TEXTS, ["one"], terms=3)
    assert network.hashes.tolist()[1:] == [UNUSED, UNUSED]
    assert not found.any()


def test_how_a_text_is_padded_and_batched_does_not_matter():
    network, together = vectors(TEXTS, TEXTS)
    alone = torch.cat([network(to_codes([text], length=300)) for text in TEXTS])
    assert torch.equal(alone, together)


def test_words_of_many_texts_are_those_of_each():
    many = TEXTS * 150  # more than are looked at together
    row, word = words_of(to_codes(many))
    own, each = words_of(to_codes(TEXTS))
    assert torch.equal(word, each.repeat(150))
    assert torch.equal(row, (own + len(TEXTS) * torch.arange(150)[:, None]).flatten())


@pytest.mark.parametrize("terms", [0, 10**9])
def test_senseless_settings_are_refused(terms):
    with pytest.raises(ValueError, match="terms"):
        BagOfWords(terms)


def test_spam_is_found_as_well_as_by_scikit_learn():
    data = load_dataset(shared("sms_spam.csv.gz"), target="label", text="text")
    model = Recipe().fit(data, data.train, 0, Silent())
    ours = float((model(data.test.x).argmax(1) == data.test.y).double().mean())
    peer = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), min_df=2), LogisticRegression(C=10))
    peer.fit(to_texts(data.train.x), data.train.y.numpy())
    theirs = peer.score(to_texts(data.test.x), data.test.y.numpy())
    assert ours > 0.98
    assert abs(ours - theirs) < 0.01
