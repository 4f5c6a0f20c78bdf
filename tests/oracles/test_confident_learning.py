import json
from pathlib import Path

import numpy as np
import pytest
import torch

from roadworthy.core.confident_learning import (
    calibrated,
    class_thresholds,
    confident_class,
    confident_joint,
    find_label_issues,
    off_diagonal,
    posterior_of_true_label,
    prune_by_class,
    prune_by_noise_rate,
)

DATA = Path(__file__).parents[3] / "shared" / "data"
NO_PEER = "cleanlab is not installed: no peer to compare with"


def random_case(seed, samples=60, classes=4):
    """Probabilities that agree with the labels more often than not."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (samples,), generator=generator)
    labels[:classes] = torch.arange(classes)
    logits = 1.5 * torch.randn(samples, classes, generator=generator, dtype=torch.double)
    return (logits + 1.5 * torch.eye(classes)[labels]).softmax(1), labels


def planted_case(rates, samples=6000, distance=5.0, seed=0):
    """Gaussian classes, exact posteriors of the true label, flips by p(given | true) = rates."""
    generator = torch.Generator().manual_seed(seed)
    classes = len(rates)
    true = torch.randint(classes, (samples,), generator=generator)
    centers = distance * torch.eye(classes, dtype=torch.double)
    x = centers[true] + torch.randn(samples, classes, generator=generator, dtype=torch.double)
    given = torch.multinomial(rates.T[true], 1, generator=generator)[:, 0]
    return (x @ centers).softmax(1), given, true


# p(given = row | true = column)
RATES = torch.tensor([[0.9, 0.0, 0.2], [0.1, 0.95, 0.0], [0.0, 0.05, 0.8]], dtype=torch.double)


def loop_thresholds(probs, labels):
    return [
        np.mean([p[k] for p, y in zip(probs, labels, strict=True) if y == k])
        for k in range(len(probs[0]))
    ]


def loop_joint(probs, labels):
    thresholds, classes = loop_thresholds(probs, labels), len(probs[0])
    counts = np.zeros((classes, classes))
    for p, y in zip(probs, labels, strict=True):
        confident = [k for k in range(classes) if p[k] >= thresholds[k] - 1e-9]
        if confident:
            counts[y][max(confident, key=lambda k: p[k])] += 1
    for k in range(classes):
        counts[k][k] = max(counts[k][k], 1)
    return counts


@pytest.mark.parametrize("seed", range(10))
def test_thresholds_counts_and_joint_equal_a_loop_over_samples(seed):
    probs, labels = random_case(seed)
    result = find_label_issues(probs, labels)
    counts = loop_joint(probs.tolist(), labels.tolist())
    expected = counts / counts.sum(1, keepdims=True) * np.bincount(labels)[:, None] / len(labels)
    np.testing.assert_allclose(result.thresholds, loop_thresholds(probs.tolist(), labels.tolist()))
    np.testing.assert_array_equal(
        confident_joint(confident_class(probs, result.thresholds), labels, 4), counts
    )
    np.testing.assert_allclose(result.joint, expected)
    assert result.noise_rate == pytest.approx(expected.sum() - expected.trace())


@pytest.mark.parametrize("seed", range(10))
def test_pruning_rules_equal_a_loop_over_classes(seed):
    probs, labels = random_case(seed)
    joint = find_label_issues(probs, labels).joint.numpy()
    wrong = joint - np.diag(joint.diagonal())
    by_pair, by_class = np.zeros(60, bool), np.zeros(60, bool)
    for i in range(4):
        members = np.flatnonzero(labels == i)
        quota = int(np.rint(60 * wrong[i].sum()))
        by_class[sorted(members, key=lambda n: probs[n, i])[:quota]] = True
        for j in set(range(4)) - {i}:
            quota = int(np.rint(60 * wrong[i, j]))
            by_pair[sorted(members, key=lambda n: probs[n, i] - probs[n, j])[:quota]] = True
    np.testing.assert_array_equal(prune_by_noise_rate(probs, labels, torch.tensor(joint)), by_pair)
    np.testing.assert_array_equal(prune_by_class(probs, labels, torch.tensor(joint)), by_class)
    np.testing.assert_array_equal(
        find_label_issues(probs, labels, "both").is_issue, by_pair & by_class
    )


@pytest.mark.parametrize("seed", range(10))
def test_thresholds_and_confident_joint_equal_cleanlab(seed):
    count = pytest.importorskip("cleanlab.count", reason=NO_PEER)
    probs, labels = random_case(seed, samples=400, classes=5)
    thresholds = class_thresholds(probs, labels)
    np.testing.assert_allclose(
        thresholds, count.get_confident_thresholds(labels.numpy(), probs.numpy())
    )

    # where several classes reach their thresholds but the most probable one does not, the paper
    # picks among those that do and cleanlab the one that does not; elsewhere the two must agree
    confident = confident_class(probs, thresholds)
    same_rule = (
        (confident < 0) | (confident == probs.argmax(1)) | ((probs >= thresholds).sum(1) == 1)
    )
    assert same_rule.float().mean() > 0.9
    theirs = count.compute_confident_joint(
        labels[same_rule].numpy(),
        probs[same_rule].numpy(),
        thresholds=thresholds.numpy(),
        calibrate=False,
    )
    np.testing.assert_array_equal(
        confident_joint(confident[same_rule], labels[same_rule], 5), theirs
    )


def test_a_sample_that_reaches_several_thresholds_counts_for_the_most_probable_of_them():
    probs = torch.tensor([[0.42, 0.30, 0.28]], dtype=torch.double)
    assert confident_class(probs, torch.tensor([0.9, 0.25, 0.20])).tolist() == [1]
    assert confident_class(probs, torch.tensor([0.4, 0.25, 0.20])).tolist() == [0]
    assert confident_class(probs, torch.tensor([0.9, 0.90, 0.90])).tolist() == [-1]


@pytest.mark.parametrize("seed", range(5))
def test_score_equals_bayes_rule_written_out(seed):
    probs, labels = random_case(seed)
    counts = confident_joint(confident_class(probs, class_thresholds(probs, labels)), labels, 4)
    joint = calibrated(counts + 1, labels).numpy()
    likelihood = joint / joint.sum(0)
    expected = [
        [p[j] * likelihood[y, j] / sum(p[k] * likelihood[y, k] for k in range(4)) for j in range(4)]
        for p, y in zip(probs.tolist(), labels.tolist(), strict=True)
    ]
    np.testing.assert_allclose(posterior_of_true_label(probs, labels, counts), expected)
    nominal = find_label_issues(probs, labels).score
    np.testing.assert_allclose(nominal, [p[y] for p, y in zip(expected, labels, strict=True)])
    ordinal = find_label_issues(probs, labels, is_ordinal=True).score
    distance = [
        sum(p[k] * abs(k - int(y)) for k in range(4)) for p, y in zip(expected, labels, strict=True)
    ]
    np.testing.assert_allclose(ordinal, 1 - np.array(distance) / 3)


def test_of_two_ranks_the_order_is_that_of_two_classes():
    probs, labels = random_case(0, classes=2)
    nominal, ordinal = (find_label_issues(probs, labels, is_ordinal=o) for o in (False, True))
    assert torch.equal(nominal.order, ordinal.order)


def test_a_rank_three_off_comes_before_one_as_surely_one_off():
    labels = torch.arange(400) % 4
    probs = torch.full((400, 4), 0.01, dtype=torch.double).scatter(1, labels[:, None], 0.97)
    probs[200] = torch.tensor([0.01, 0.97, 0.01, 0.01], dtype=torch.double)  # given 0, surely 1
    probs[204] = torch.tensor([0.01, 0.01, 0.01, 0.97], dtype=torch.double)  # given 0, surely 3
    result = find_label_issues(probs, labels, is_ordinal=True)
    assert result.order[:2].tolist() == [204, 200]
    assert result.is_issue.nonzero().flatten().tolist() == [200, 204]


def test_noise_matrix_of_planted_flips_is_recovered():
    probs, given, true = planted_case(RATES)
    result = find_label_issues(probs, given)
    planted = torch.zeros(3, 3, dtype=torch.double)
    planted.index_put_((given, true), torch.tensor(1 / 6000, dtype=torch.double), accumulate=True)
    # 0.01 is 60 samples: those between two classes reach no threshold and are not counted
    torch.testing.assert_close(result.joint, planted, atol=0.01, rtol=0)
    assert result.noise_rate == pytest.approx(float((given != true).double().mean()), abs=0.01)


def test_planted_flips_are_found_ranked_first_and_given_their_true_class():
    probs, given, true = planted_case(RATES)
    result = find_label_issues(probs, given)
    flipped = given != true
    # the classes overlap slightly, so a few flips cannot be told from correct labels
    assert flipped[result.is_issue].double().mean() > 0.97
    assert result.is_issue[flipped].double().mean() > 0.9
    assert flipped[result.order[: int(flipped.sum())]].double().mean() > 0.97
    assert (result.suggested == true)[result.is_issue & flipped].double().mean() > 0.99


def test_labels_without_noise_raise_few_flags():
    probs, given, _ = planted_case(torch.eye(3, dtype=torch.double), distance=3.0)
    result = find_label_issues(probs, given)
    # the classes overlap: a perfect model still calls a few correct labels wrong
    assert result.is_issue.double().mean() < 0.02
    assert result.noise_rate < 0.02


@pytest.mark.parametrize("prune", ["off_diagonal", "noise_rate", "both"])
def test_separable_clean_labels_raise_no_flag(prune):
    labels = torch.arange(300) % 3
    certain = torch.eye(3, dtype=torch.double)[labels]
    for probs in (certain, 0.9 * certain + 0.1 / 3, certain.float()):
        result = find_label_issues(probs, labels, prune)
        assert not result.is_issue.any()
        assert result.noise_rate == pytest.approx(0)
        assert torch.equal(result.suggested, labels)


def test_a_doubt_between_classes_mixed_up_elsewhere_ranks_before_the_same_doubt_between_others():
    labels = torch.arange(400) % 4
    probs = torch.full((400, 4), 0.01, dtype=torch.double).scatter(1, labels[:, None], 0.97)
    mixed_up = torch.arange(0, 80, 4)  # given 0, confidently 1
    probs[mixed_up] = torch.tensor([0.01, 0.97, 0.01, 0.01], dtype=torch.double)
    probs[200] = torch.tensor([0.48, 0.48, 0.02, 0.02], dtype=torch.double)  # given 0, perhaps 1
    probs[204] = torch.tensor([0.48, 0.02, 0.48, 0.02], dtype=torch.double)  # given 0, perhaps 2
    score = find_label_issues(probs, labels).score
    assert score[mixed_up].max() < score[200] < score[204]


def test_order_holds_every_sample_once_issues_first_and_by_score_within():
    probs, labels = random_case(3)
    result = find_label_issues(probs, labels)
    assert torch.equal(result.order.sort().values, torch.arange(60))
    issues = int(result.is_issue.sum())
    assert 0 < issues < 60
    assert result.is_issue[result.order[:issues]].all()
    for part in (result.order[:issues], result.order[issues:]):
        assert (result.score[part].diff() >= 0).all()


def test_a_class_that_no_sample_is_labeled_with_is_never_suggested_as_an_issue():
    probs, labels = random_case(0, classes=3)
    probs = torch.cat([0.7 * probs, torch.full((60, 1), 0.3, dtype=torch.double)], 1)
    result = find_label_issues(probs, labels)
    assert result.thresholds[3] == torch.inf
    assert (result.suggested[result.is_issue] != 3).all()
    assert off_diagonal(result.joint).sum() == pytest.approx(result.noise_rate)
    assert (result.joint[3] == 0).all()
    assert (result.joint[:, 3] == 0).all()
    assert torch.isfinite(result.score).all()


def test_inputs_are_left_unchanged():
    probs, labels = random_case(1)
    before = probs.clone(), labels.clone()
    find_label_issues(probs, labels)
    assert torch.equal(probs, before[0])
    assert torch.equal(labels, before[1])


@pytest.mark.parametrize(
    ("probs", "labels", "message"),
    [
        (torch.tensor([[2.0, -1.0]]), torch.tensor([0]), "softmax"),
        (torch.tensor([[0.5, torch.nan]]), torch.tensor([0]), "softmax"),
        (torch.tensor([[0.5, 0.5]]), torch.tensor([2]), "from 0 to 1"),
        (torch.tensor([[0.5, 0.5]]), torch.tensor([0.0]), "integers"),
        (torch.tensor([[0.5, 0.5]]), torch.tensor([0, 1]), "must be"),
        (torch.empty(0, 2), torch.empty(0, dtype=torch.long), "at least 1"),
    ],
)
def test_wrong_inputs_are_refused_with_a_sentence(probs, labels, message):
    with pytest.raises(ValueError, match=message):
        find_label_issues(probs, labels)


def test_an_unknown_pruning_rule_is_refused():
    with pytest.raises(ValueError, match="off_diagonal"):
        find_label_issues(*random_case(0), prune="everything")


def reviewed_case(name, labels_file):
    if not (DATA / f"label_errors_{name}_pred_probs.npz").exists():
        pytest.skip(f"the reviewed {name} label errors are not in shared/data")
    probs = torch.tensor(np.load(DATA / f"label_errors_{name}_pred_probs.npz")["pred_probs"])
    labels = torch.tensor(np.load(DATA / labels_file)["y_test"].astype(np.int64))
    reviews = json.loads((DATA / f"label_errors_{name}_even_ids.json").read_text())
    errors = [review["id"] for review in reviews if review["mturk"]["given"] < 3]
    return probs, labels, torch.tensor(errors)


def hits(order, errors, first):
    # only even ids were reviewed; an even id without a review counts as not an error
    return int(torch.isin(order[order % 2 == 0][:first], errors).sum())


REVIEWED = pytest.mark.parametrize(
    ("name", "labels_file"), [("cifar10", "cifar10_10k.npz"), ("mnist", "mnist.npz")]
)


@REVIEWED
def test_precision_on_reviewed_test_sets_is_at_least_that_of_self_confidence(name, labels_file):
    probs, labels, errors = reviewed_case(name, labels_file)
    ours = find_label_issues(probs, labels).order
    plain = probs.gather(1, labels[:, None])[:, 0].argsort(stable=True)
    for first in (25, 50, 100):
        assert hits(ours, errors, first) >= hits(plain, errors, first)


@REVIEWED
@pytest.mark.parametrize("rank", ["self_confidence", "normalized_margin"])
def test_precision_on_reviewed_test_sets_is_at_least_that_of_cleanlab(name, labels_file, rank):
    peer = pytest.importorskip("cleanlab.filter", reason=NO_PEER)
    probs, labels, errors = reviewed_case(name, labels_file)
    ours = find_label_issues(probs, labels).order
    theirs = torch.tensor(
        peer.find_label_issues(
            labels.numpy(), probs.numpy(), return_indices_ranked_by=rank, n_jobs=1
        )
    )
    for first in (25, 50, 100):
        assert hits(ours, errors, first) >= hits(theirs, errors, first)
