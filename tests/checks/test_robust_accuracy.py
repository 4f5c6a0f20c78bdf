from dataclasses import replace

import numpy as np
import pytest
import torch

from roadworthy.artifacts.adversarial_examples import AdversarialExamples
from roadworthy.artifacts.drawn_rows import drawn_rows
from roadworthy.attacks.evasion.fgsm import FGSM
from roadworthy.checks.robustness.robust_accuracy import RobustAccuracy
from roadworthy.core.adaptive import Guarded, InputStep
from roadworthy.core.artifact import Bench, Store, Subject
from roadworthy.core.dataset import Task
from roadworthy.core.effort import Effort
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.core.model import Offer
from roadworthy.core.threat import Ball
from tests.datasets import blobs, builtin, judge, table
from tests.models import GRADED, LinearModel, Logistic

SMALL = Effort("test", attacked=60, shadows=1, judged=100)


def bars(gap, n=180, side=4):
    """Images whose upper half is brighter than the lower by `gap`, or darker."""
    random = np.random.default_rng(0)
    y = np.arange(n) % 2
    x = random.uniform(0.4, 0.6, (n, 1, side, side))
    sign = np.where(y == 0, 1, -1)[:, None, None, None] * gap / 2
    x[:, :, : side // 2] = 0.5 + (x[:, :, : side // 2] - 0.5) * 0.1 + sign
    x[:, :, side // 2 :] = 0.5 + (x[:, :, side // 2 :] - 0.5) * 0.1 - sign
    return table(x, y, np.arange(n) % 3 != 0)


def contrast(kind=LinearModel, side=4, sharpness=1.0):
    """Class 0 where the upper half is brighter: the largest possible margin in both norms."""
    weight = torch.ones(1, side, side)
    weight[:, side // 2 :] = -1
    flat = weight.flatten() * sharpness
    return kind(torch.stack([flat, -flat], 1), torch.zeros(2), (1, side, side))


class Rounded(LinearModel):
    """Sees its inputs in steps of 1/50, so that no gradient leads anywhere."""

    def forward(self, x):
        return super().forward(torch.round(x * 50) / 50)


class Saturated(LinearModel):
    """Gives the logarithm of a softmax so cold that its probabilities are exactly 0 and 1."""

    def forward(self, x):
        return (super().forward(x) / 1e-4).softmax(1).clamp_min(1e-30).log()


class Shattered(LinearModel):
    """Adds a ripple of the inputs' last digits that turns every gradient, but hardly an answer."""

    def forward(self, x):
        return super().forward(x + 0.002 * torch.sin(x * 1e4))


class Restless(LinearModel):
    """Answers by chance where it is not sure, as a random defense does."""

    def __init__(self, *given):
        super().__init__(*given)
        self.spec = replace(self.spec, stochastic=True)

    def forward(self, x):
        return super().forward(x + 0.05 * torch.randn_like(x))


def verdicts(dataset, model, **settings):
    findings = judge(RobustAccuracy(**settings), dataset, model, SMALL)
    assert [finding.scope for finding in findings] == ["linf", "l2"]
    return findings


def names(finding):
    return {alarm.name for alarm in finding.alarms}


def test_a_model_with_a_margin_beyond_the_budget_passes():
    # the distance to the other class is 0.2 in L-inf and 0.8 in L2
    for finding in verdicts(bars(0.4), contrast()):
        assert finding.verdict is Verdict.PASS
        assert finding.estimate.value == 1
        assert not finding.alarms


def test_a_model_with_a_margin_within_the_budget_fails():
    for finding in verdicts(bars(0.04), contrast()):
        assert finding.verdict is Verdict.FAIL
        assert finding.estimate.value == 0
        assert not finding.alarms


def test_the_curve_falls_where_the_margin_is():
    finding, _ = verdicts(bars(0.4), contrast())
    line = finding.figures[0].series[0]
    shares = dict(zip(line.x, line.y, strict=True))
    assert all(share == 1 for at, share in shares.items() if at < 0.18)
    assert all(share == 0 for at, share in shares.items() if at > 0.22)


@pytest.mark.parametrize("kind", [Rounded, Saturated])
def test_a_model_that_masks_its_gradients_never_passes(kind):
    for finding in verdicts(bars(0.4), contrast(kind)):
        assert finding.verdict is Verdict.WARN
        assert "no pass" in finding.reason
        assert {"zero-gradients", "unbounded-attack-fails"} <= names(finding)


def test_errors_that_only_a_search_without_gradients_finds_raise_an_alarm():
    finding, _ = verdicts(bars(0.04), contrast(Rounded))
    assert "black-box-beats-white-box" in names(finding)
    assert finding.estimate.value < 1


def test_errors_that_transfer_from_a_copy_raise_an_alarm():
    for finding in verdicts(bars(0.04), contrast(Rounded)):
        assert {"transfer-beats-white-box", "loss-does-not-rise"} <= names(finding)


def test_shattered_gradients_raise_an_alarm():
    finding, _ = verdicts(bars(0.04), contrast(Shattered))
    assert names(finding) & {"black-box-beats-white-box", "transfer-beats-white-box"}


def test_a_random_model_is_averaged_and_never_passes():
    for finding in verdicts(bars(0.4), contrast(Restless)):
        assert "stochastic-model" in names(finding)
        assert finding.verdict is not Verdict.PASS
    for finding in verdicts(bars(0.04), contrast(Restless)):
        assert finding.verdict is Verdict.FAIL


def test_a_declared_obstacle_is_gone_around_and_raises_no_alarm():
    guard = InputStep("round-50", lambda x: torch.round(x * 50) / 50)
    for finding in verdicts(bars(0.04), Guarded(contrast(), guard)):
        assert finding.verdict is Verdict.FAIL
        assert "declared-obstacles" not in names(finding)
        assert finding.figures


def test_a_model_that_is_only_sure_of_itself_is_seen_through():
    # its cross-entropy has a gradient of exactly zero, its log-odds do not
    for finding in verdicts(bars(0.04), contrast(sharpness=1e4)):
        assert finding.verdict is Verdict.FAIL
        assert not finding.alarms


@pytest.mark.parametrize("name", ["digits", "wine", "breast-cancer"])
def test_a_plainly_trained_model_raises_no_alarm(name):
    dataset = builtin(name)
    for finding in verdicts(dataset, Logistic(dataset.train, len(dataset.classes))):
        assert not finding.alarms


def test_what_a_model_declares_raises_an_alarm():
    model = contrast()
    model.spec = replace(model.spec, obstacles=("jpeg",), stochastic=True)
    for finding in verdicts(bars(0.4), model):
        assert names(finding) == {"declared-obstacles", "stochastic-model"}
        assert finding.verdict is Verdict.WARN


def test_rows_that_are_already_wrong_are_not_robust():
    dataset = bars(0.4)
    wrong = replace(dataset.test, y=torch.where(torch.arange(120) < 60, 1, 0))
    finding, _ = verdicts(replace(dataset, splits=(dataset.train, wrong)), contrast())
    row = dict(zip(finding.tables[0].columns, finding.tables[0].rows[0], strict=True))
    assert row["already wrong"] == pytest.approx(1 - finding.estimate.value)
    assert 0.2 < finding.estimate.value < 0.8


def test_categories_of_a_table_never_move():
    dataset = blobs(columns=4, apart=1.0)
    fixed = replace(dataset.features[0], kind="category", categories=("a", "b"))
    dataset = replace(dataset, features=(fixed, *dataset.features[1:]))
    model = Logistic(dataset.train, 2)
    subject = Subject(model, dataset, effort=SMALL)
    bench = Bench(subject, Store(None))
    for run in RobustAccuracy().needs(subject):
        value = bench.get_for((run,))(run)
        assert torch.equal(value.x[:, 0], dataset.test.x[value.rows, 0])


def test_a_table_of_categories_alone_is_not_assessed():
    dataset = blobs()
    features = tuple(replace(f, kind="category", categories=("a",)) for f in dataset.features)
    with pytest.raises(NotAssessed, match="no numbers"):
        verdicts(replace(dataset, features=features), Logistic(dataset.train, 2))


def test_scores_alone_are_attacked_by_search_without_a_curve():
    dataset = blobs(apart=1.0)
    model = Logistic(dataset.train, 2, frozenset({Offer.LABELS, Offer.SCORES}))
    for finding in verdicts(dataset, model):
        assert not finding.figures
        assert "found without gradients" in finding.claim
        assert finding.estimate.value < 1


def test_labels_alone_are_attacked_without_a_curve():
    dataset = blobs(apart=1.0)
    model = Logistic(dataset.train, 2, frozenset({Offer.LABELS}))
    for finding in verdicts(dataset, model):
        assert not finding.figures
        assert finding.estimate.value < 1
        assert "HopSkipJump" in {row[0] for row in finding.tables[0].rows}


def test_regression_is_not_assessed():
    model = LinearModel(torch.ones(4, 1), torch.zeros(1), (4,), Task.REGRESSION)
    with pytest.raises(NotAssessed, match="regression"):
        verdicts(blobs(), model)


def test_every_attack_sees_the_same_rows_and_fewer_are_the_first_of_more():
    dataset = blobs()
    subject = Subject(Logistic(dataset.train, 2, GRADED), dataset)
    rows = drawn_rows(subject, 50)
    assert len(rows.unique()) == 50
    assert torch.equal(drawn_rows(subject, 20), rows[:20])
    assert not torch.equal(drawn_rows(replace(subject, seed=1), 50), rows)
    found = Bench(subject, Store(None)).get_for
    request = AdversarialExamples(FGSM(), Ball("l2", 0.1), 50)
    assert torch.equal(found((request,))(request).rows, rows)


def test_found_inputs_lie_in_the_range_of_the_training_rows():
    dataset = builtin("wine")
    subject = Subject(Logistic(dataset.train, 3), dataset, effort=SMALL)
    low, high = dataset.bounds
    run = RobustAccuracy().needs(subject)[0]
    found = Bench(subject, Store(None)).get_for((run,))(run)
    original = dataset.test.x[found.rows]
    assert (found.x >= torch.minimum(low, original)).all()
    assert (found.x <= torch.maximum(high, original)).all()
