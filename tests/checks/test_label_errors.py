from dataclasses import replace

import numpy as np
import pytest
import torch

from roadworthy.artifacts.cross_fitting import folds_of
from roadworthy.checks.data.label_errors import LabelErrors, noise_rate
from roadworthy.core import confident_learning
from roadworthy.core.dataset import Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.core.model import Offer
from roadworthy.sources import load_model
from tests.datasets import blobs, builtin, judge, numbers, shared, table
from tests.models import GRADED, Echo, LinearModel, Logistic


def flipped(share, n=1200):
    """Well separated classes with some test and training labels wrong; the rows that are."""
    data = blobs(n=n, classes=3, apart=6)
    generator = np.random.default_rng(0)
    splits, wrong = [], {}
    for split in data.splits:
        rows = generator.random(len(split)) < share
        wrong[split.name] = set(split.ids[torch.from_numpy(rows)].tolist())
        y = torch.where(torch.from_numpy(rows), (split.y + 1) % 3, split.y)
        splits.append(replace(split, y=y))
    return replace(data, splits=tuple(splits)), wrong


def test_planted_errors_are_caught_in_both_splits():
    data, _ = flipped(0.15)
    for finding in judge(LabelErrors(), data):
        assert finding.verdict in (Verdict.WARN, Verdict.FAIL)
        assert finding.estimate.low <= 0.15 <= finding.estimate.high


def test_a_model_sure_of_itself_that_contradicts_many_labels_fails_them():
    data, _ = flipped(0.15)
    clean, _ = flipped(0.0)
    sure = Logistic(clean.train, 3, GRADED)
    assert judge(LabelErrors(), data, sure)[0].verdict is Verdict.FAIL


@pytest.mark.parametrize("share", [0.2, 0.3])
def test_many_exchanged_labels_fail_though_the_model_is_often_wrong(share):
    data, _ = flipped(share, n=2400)
    for finding in judge(LabelErrors(), data):
        assert finding.verdict is Verdict.FAIL
        assert finding.estimate.low <= share <= finding.estimate.high
        assert "however sure the answer" in finding.claim


@pytest.mark.parametrize("seed", range(3))
def test_an_outcome_that_is_half_chance_fails_nothing(seed):
    """One column says much, others a little, and labels are right: a forest is sure of noise."""
    generator = np.random.default_rng(seed)
    n = 1500
    x = np.c_[generator.random(n) < 0.4, generator.normal(size=(n, 4))]
    chance = 1 / (1 + np.exp(1.5 - 2.8 * x[:, 0] - 0.4 * x[:, 1]))
    data = table(x, generator.random(n) < chance, np.arange(n) % 2 == 0)
    for model in (None, load_model("random-forest", data)):
        assert Verdict.FAIL not in {one.verdict for one in judge(LabelErrors(), data, model)}


def test_the_rows_it_lists_are_the_planted_ones():
    data, wrong = flipped(0.1)
    for finding in judge(LabelErrors(), data):
        listed = {row for _, row in finding.examples[0].rows}
        assert len(listed & wrong[finding.scope]) > 0.75 * len(wrong[finding.scope])
        assert len(listed & wrong[finding.scope]) > 0.8 * len(listed)
        assert "given class" in finding.examples[0].details[0]


def test_of_ranks_the_label_that_is_farthest_off_is_listed_first():
    data = blobs(n=900, classes=4, apart=8, task=Task.ORDINAL)
    test = data.test
    near, far = ((test.y == k).nonzero()[0] for k in (1, 0))
    y = test.y.clone()
    y[near], y[far] = 2, 3
    data = replace(data, splits=(data.train, replace(test, y=y)))
    finding, _ = judge(LabelErrors(), data)
    assert [row for _, row in finding.examples[0].rows[:2]] == test.ids[
        torch.cat([far, near])
    ].tolist()
    (off,) = [m for m in finding.measures if m.name.startswith("ranks")]
    assert off.value == pytest.approx(2.0, abs=0.1)  # two wrong labels, one and three off


def test_clean_labels_pass():
    data, _ = flipped(0.0)
    assert {finding.verdict for finding in judge(LabelErrors(), data)} == {Verdict.PASS}


@pytest.mark.parametrize(
    "name", ["wine", "breast-cancer", pytest.param("digits", marks=pytest.mark.slow)]
)
def test_it_fails_no_clean_set(name):
    assert Verdict.FAIL not in {finding.verdict for finding in judge(LabelErrors(), builtin(name))}


def test_without_a_refit_only_the_test_split_is_judged():
    data, _ = flipped(0.0)
    test, train = judge(LabelErrors(), data, Logistic(data.train, 3, GRADED))
    assert test.verdict is Verdict.PASS
    assert train.verdict is Verdict.NOT_ASSESSED
    assert "trained again" in train.reason


def test_a_weak_model_does_not_judge_labels():
    findings = judge(LabelErrors(), blobs(apart=0.1))
    assert {finding.verdict for finding in findings} == {Verdict.NOT_ASSESSED}


def test_numbers_and_labels_only_are_not_assessed():
    with pytest.raises(NotAssessed, match="number"):
        judge(LabelErrors(), numbers(), LinearModel(torch.ones(2, 1), torch.zeros(1), (2,)))
    with pytest.raises(NotAssessed, match="scores"):
        judge(LabelErrors(), blobs(), Echo(4, frozenset({Offer.LABELS})))


def test_the_bootstrapped_rate_is_that_of_confident_learning():
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(300, 4, generator=generator, dtype=torch.float64).softmax(1)
    y = torch.randint(0, 4, (300,), generator=generator)
    whole = confident_learning.find_label_issues(probabilities, y)
    assert noise_rate(probabilities, y) == pytest.approx(whole.noise_rate)


def test_a_fold_has_whole_groups():
    split = blobs(n=300).train
    group = np.arange(200) // 7
    fold = folds_of(split, group, 4, seed=0).numpy()
    assert all(len(set(fold[group == g])) == 1 for g in range(28))
    assert set(fold) == {0, 1, 2, 3}


def test_a_fold_without_groups_has_each_class_equally_often():
    split = blobs(n=600, classes=5).train
    fold = folds_of(split, None, 4, seed=0)
    counts = torch.stack([split.y[fold == k].bincount(minlength=5) for k in range(4)])
    assert (counts.amax(0) - counts.amin(0) <= 1).all()


@pytest.mark.slow
def test_confirmed_errors_of_cifar10_are_listed():
    import json

    probs = np.load(shared("label_errors_cifar10_pred_probs.npz"))["pred_probs"]
    y = np.load(shared("cifar10_10k.npz"))["y_test"]
    reviewed = json.loads(shared("label_errors_cifar10_even_ids.json").read_text())
    logits = np.log(np.clip(probs, 1e-9, None))
    data = table(
        np.concatenate([logits[:100], logits]),
        np.concatenate([y[:100], y]),
        np.arange(10100) >= 100,
    )
    test, _ = judge(LabelErrors(), data, Echo(10))
    assert test.verdict is Verdict.PASS
    listed = {row - 100 for _, row in test.examples[0].rows}
    confirmed = {entry["id"] for entry in reviewed if entry["mturk"]["given"] < 3}
    assert len(listed & confirmed) > 0.8 * len(confirmed)
