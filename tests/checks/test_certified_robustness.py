from dataclasses import replace

import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from torch import nn

from roadworthy import wrap_model
from roadworthy.artifacts.certified_radii import CertifiedRadii
from roadworthy.checks.robustness.certified_robustness import CertifiedRobustness
from roadworthy.checks.robustness.robust_accuracy import RobustAccuracy
from roadworthy.core.artifact import Bench, Store, Subject
from roadworthy.core.effort import Effort
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.core.guard import protect
from roadworthy.core.progress import Silent
from roadworthy.core.threat import Ball
from roadworthy.guards import JPEG, RandomizedSmoothing, Temperature
from roadworthy.recipes import MLP, LogisticRegression, Ridge
from tests.datasets import blobs, builtin, judge, numbers
from tests.models import Logistic

SMALL = Effort("test", attacked=60, shadows=1, judged=100)


def verdicts(dataset, model, **settings):
    return judge(CertifiedRobustness(**settings), dataset, model, SMALL)


def linear(dataset):
    return LogisticRegression().fit(dataset, dataset.train, 0, Silent())


def test_proof_and_attack_meet_for_a_linear_model():
    dataset = blobs(apart=1.0)
    for finding in verdicts(dataset, linear(dataset)):
        certified, attacked = finding.measures
        assert 0.3 < certified.value < 0.95
        assert attacked.value == pytest.approx(certified.value, abs=0.02)
        proven, left = finding.figures[0].series
        assert proven.y == pytest.approx(left.y, abs=0.04)
        assert finding.verdict is Verdict.PASS
        assert not finding.alarms


def test_a_network_has_an_interval_between_proof_and_attack():
    dataset = blobs(apart=2.0)
    model = MLP(epochs=20).fit(dataset, dataset.train, 0, Silent())
    for finding in verdicts(dataset, model):
        certified, attacked = finding.measures
        assert 0.1 < certified.value <= attacked.value
        assert finding.estimate.low == certified.low
        assert finding.estimate.high == attacked.high
        assert "linear relaxation" in finding.claim


def test_a_demand_that_attacks_refute_fails_and_one_in_between_warns():
    dataset = blobs(apart=1.0)
    model = linear(dataset)
    assert {f.verdict for f in verdicts(dataset, model, min_certified_accuracy=1.0)} == {
        Verdict.FAIL
    }
    certified = verdicts(dataset, model)[0].measures[0].value
    finding = verdicts(dataset, model, min_certified_accuracy=certified)[0]
    assert finding.verdict is Verdict.WARN


def test_a_network_without_certificates_warns():
    dataset = builtin("digits")
    layers = [nn.Flatten(), nn.Linear(64, 1200), nn.ReLU(), nn.Linear(1200, 1200), nn.ReLU()]
    torch.manual_seed(0)
    model = wrap_model(nn.Sequential(*layers, nn.Linear(1200, 10)), dataset)
    finding = verdicts(dataset, model)[0]
    assert finding.measures[0].value == 0
    assert finding.verdict is Verdict.WARN
    assert "interval propagation" in finding.claim


def test_trees_are_certified_between_proof_and_search():
    dataset = blobs(apart=2.0)
    train = dataset.train
    forest = RandomForestClassifier(10, max_depth=4, random_state=0)
    model = wrap_model(forest.fit(train.x.numpy(), train.y.numpy()), dataset)
    for finding in verdicts(dataset, model):
        certified, attacked = finding.measures
        assert 0.1 < certified.value <= attacked.value
        assert finding.verdict is Verdict.PASS


def test_a_smoothed_model_is_certified_in_l2_alone():
    dataset = blobs(apart=2.0)
    model = protect(linear(dataset), RandomizedSmoothing(0.5, draws=20), dataset)
    (finding,) = verdicts(dataset, model)
    certified, attacked = finding.measures
    assert finding.scope == "l2"
    assert 0.3 < certified.value <= attacked.value + 0.05
    assert "each with a chance of 99.9%" in finding.claim


def test_the_attacks_are_those_of_robust_accuracy():
    dataset = blobs(apart=2.0)
    subject = Subject(linear(dataset), dataset, effort=SMALL)
    needed = CertifiedRobustness().needs(subject)
    attacks = {request for request in needed if not isinstance(request, CertifiedRadii)}
    assert len(attacks) == 4
    assert attacks <= set(RobustAccuracy().needs(subject))


def test_a_certificate_that_an_attack_contradicts_is_an_error(monkeypatch):
    dataset = blobs(apart=1.0)
    model, honest = linear(dataset), CertifiedRadii.compute

    def boastful(self, subject, get, progress):
        value = honest(self, subject, get, progress)
        return replace(value, radius=torch.full_like(value.radius, self.ball.eps))

    monkeypatch.setattr(CertifiedRadii, "compute", boastful)
    for finding in verdicts(dataset, model):
        assert finding.verdict is Verdict.ERROR
        assert "within the proven radius" in finding.reason
        assert [alarm.name for alarm in finding.alarms] == ["certificate-contradicted"]


def test_what_cannot_be_proven_is_not_assessed():
    dataset, other = blobs(), numbers()
    with pytest.raises(NotAssessed, match="nothing proves how"):
        verdicts(dataset, Logistic(dataset.train, 2))
    with pytest.raises(NotAssessed, match="regression"):
        verdicts(other, Ridge().fit(other, other.train, 0, Silent()))
    odd = nn.Sequential(nn.Linear(4, 2), nn.Softsign())
    with pytest.raises(NotAssessed, match="no bounds are known for Softsign"):
        verdicts(dataset, wrap_model(odd, dataset))
    pictures = builtin("digits")
    with pytest.raises(NotAssessed, match="jpeg changes what the model sees"):
        verdicts(pictures, protect(linear(pictures), JPEG(), pictures))


def test_a_softmax_at_the_end_is_left_out():
    dataset = blobs(apart=1.0)
    torch.manual_seed(0)
    layer = nn.Linear(4, 2)
    radii = []
    for network in (nn.Sequential(layer), nn.Sequential(layer, nn.Softmax(1))):
        subject = Subject(wrap_model(network, dataset), dataset, effort=SMALL)
        request = CertifiedRadii(Ball("l2", 1.0), 20)
        radii.append(Bench(subject, Store(None)).get_for((request,))(request).radius)
    assert torch.equal(*radii)


def test_a_guard_that_changes_no_choice_leaves_what_is_proven():
    dataset = blobs(apart=1.0)
    model = linear(dataset)
    tempered = protect(model, Temperature(folds=2), dataset)
    for plain, guarded in zip(verdicts(dataset, model), verdicts(dataset, tempered), strict=True):
        assert guarded.measures[0].value == plain.measures[0].value > 0
