"""Label errors of multi-label and of token data, against loops and against cleanlab."""

import numpy as np
import pytest
import torch

from roadworthy.core.multi_label_errors import find_multi_label_issues, moving_average
from roadworthy.core.token_label_errors import find_token_label_issues

NO_PEER = "cleanlab is not installed: no peer to compare with"


def multi_label_case(seed, samples=300, labels=5):
    """Probabilities of labels that are mostly right, 5 % of them flipped."""
    generator = torch.Generator().manual_seed(seed)
    true = torch.rand(samples, labels, generator=generator, dtype=torch.double) < 0.4
    noise = torch.randn(samples, labels, generator=generator, dtype=torch.double)
    is_flipped = torch.rand(samples, labels, generator=generator) < 0.05
    probs = (noise + 6 * (true.double() - 0.5)).sigmoid()
    return probs, (true ^ is_flipped).long(), is_flipped


def token_case(seed, sentences=80, classes=4):
    """Tokens of sentences of 3 to 12 words, 3 % of them with a wrong label."""
    generator = torch.Generator().manual_seed(seed)
    length = torch.randint(3, 13, (sentences,), generator=generator)
    sentence = torch.arange(sentences).repeat_interleave(length)
    true = torch.randint(classes, (len(sentence),), generator=generator)
    logits = torch.randn(len(sentence), classes, generator=generator, dtype=torch.double)
    is_wrong = torch.rand(len(sentence), generator=generator) < 0.03
    given = torch.where(is_wrong, (true + 1) % classes, true)
    return (logits + 6 * torch.eye(classes)[true]).softmax(1), given, sentence, is_wrong


def test_the_moving_average_is_that_of_the_recursion_written_out():
    scores = torch.tensor([[0.2, 0.9, 0.5]], dtype=torch.double)
    # from the best: 0.9, then 0.8 * 0.5 + 0.2 * 0.9 = 0.58, then 0.8 * 0.2 + 0.2 * 0.58 = 0.276
    assert moving_average(scores, 0.8).item() == pytest.approx(0.276)
    assert moving_average(scores, 1.0).item() == pytest.approx(0.2)
    assert moving_average(scores, 0.0).item() == pytest.approx(0.9)


def test_samples_with_a_flipped_label_come_first_and_the_label_is_named():
    probs, labels, is_flipped = multi_label_case(0, samples=2000)
    result = find_multi_label_issues(probs, labels)
    has_flip = is_flipped.any(1)
    assert has_flip[result.order[: int(has_flip.sum())]].double().mean() > 0.95
    # a flip on a row that the model doubts reaches no threshold
    assert result.is_issue[is_flipped].double().mean() > 0.8
    assert is_flipped[result.is_issue].double().mean() > 0.9


def test_clean_labels_that_are_far_apart_raise_no_flag():
    _, labels, _ = multi_label_case(0)
    probs = 0.02 + 0.96 * labels.double()
    result = find_multi_label_issues(probs, labels)
    assert not result.is_issue.any()
    assert result.score.min() == pytest.approx(0.98)


@pytest.mark.parametrize("seed", range(3))
def test_multi_label_scores_equal_those_of_cleanlab(seed):
    peer = pytest.importorskip("cleanlab.multilabel_classification", reason=NO_PEER)
    probs, labels, _ = multi_label_case(seed)
    given = [row.nonzero().flatten().tolist() for row in labels]
    theirs = peer.get_label_quality_scores(given, probs.numpy())
    np.testing.assert_allclose(find_multi_label_issues(probs, labels).score, theirs)


def test_sentences_with_a_wrong_token_come_first():
    probs, labels, sentence, is_wrong = token_case(0, sentences=600)
    result = find_token_label_issues(probs, labels, sentence)
    has_wrong = torch.zeros(600, dtype=torch.bool)
    has_wrong[sentence[is_wrong]] = True
    assert has_wrong[result.order[: int(has_wrong.sum())]].double().mean() > 0.95
    assert is_wrong[result.is_issue].double().mean() > 0.9
    assert (result.score[~has_wrong] < 0.1).double().mean() < 0.02


def test_a_sentence_scores_as_its_worst_token():
    probs, labels, sentence, _ = token_case(1)
    result = find_token_label_issues(probs, labels, sentence)
    expected = [
        min(float(p[y]) for p, y, s in zip(probs, labels, sentence, strict=True) if s == k)
        for k in range(80)
    ]
    np.testing.assert_allclose(result.score, expected)


@pytest.mark.parametrize("seed", range(3))
def test_sentence_scores_equal_those_of_cleanlab(seed):
    peer = pytest.importorskip("cleanlab.token_classification.rank", reason=NO_PEER)
    probs, labels, sentence, _ = token_case(seed)
    parts = [(sentence == k).nonzero().flatten() for k in range(80)]
    theirs, _ = peer.get_label_quality_scores(
        [labels[part].tolist() for part in parts],
        [probs[part].numpy() for part in parts],
        sentence_score_method="min",
    )
    np.testing.assert_allclose(find_token_label_issues(probs, labels, sentence).score, theirs)


@pytest.mark.parametrize(
    ("probs", "labels", "message"),
    [
        (torch.tensor([[2.0, 0.5]]), torch.tensor([[0, 1]]), "sigmoid"),
        (torch.tensor([[0.2, 0.5]]), torch.tensor([[0, 2]]), "0 or 1"),
        (torch.tensor([[0.2, 0.5]]), torch.tensor([0]), "both be"),
    ],
)
def test_wrong_multi_label_inputs_are_refused_with_a_sentence(probs, labels, message):
    with pytest.raises(ValueError, match=message):
        find_multi_label_issues(probs, labels)


def test_tokens_without_a_sentence_are_refused():
    with pytest.raises(ValueError, match="each token"):
        find_token_label_issues(torch.ones(2, 1), torch.tensor([0, 0]), torch.tensor([0]))
