"""What is said of a detector, where it is known by hand what gets past it."""

import pytest
import torch
from sklearn.metrics import roc_auc_score, roc_curve

from roadworthy.attacks.evasion.pgd import PGD
from roadworthy.attacks.evasion.square import Square
from roadworthy.core.model import Offer
from roadworthy.core.threat import Ball
from roadworthy.workflows.attacking import conclude, run_attacks_on
from roadworthy.workflows.detecting import curves, watch, with_detectors
from tests.detector_subjects import Marker, SecondFeature, bench, model

EPS = 0.2


PGD_40 = PGD()


def tried(detector, attack=PGD_40, eps=EPS, offers=None):
    told = model()
    if offers is not None:
        told.spec = type(told.spec)(**{**vars(told.spec), "offers": offers})
    at, threat = bench(told), Ball("linf", eps)
    attacked = run_attacks_on(at, (attack,), threat, 80)
    (test,) = watch(at, (detector,), (attack,), threat, 80)
    return test, with_detectors(conclude(at, attacked), (test,)), at.subject.dataset.test


@pytest.fixture(scope="module")
def second():
    return tried(SecondFeature())


def test_a_detector_that_can_be_gone_around_is_said_to_work_against_the_unknowing_only(second):
    test, finding, rows = second
    assert test.detected.value >= 0.9  # an attack may end at its start, before it moves the second
    assert test.false_alarms.value == pytest.approx(0.05, abs=0.1)
    assert "It only works against those who do not know of it." in finding.claim
    away = rows.x[test.value.rows, 0].abs()
    can_pass = away < EPS + test.value.threshold
    near = (away - EPS - test.value.threshold).abs() < 0.02
    assert torch.equal(test.value.is_undetected[~near], can_pass[~near])
    assert test.undetected.n == 80
    assert test.detected_knowing.n == test.detected.n == int(test.is_found.sum())


def test_a_detector_of_all_errors_holds_against_who_knows_of_it():
    test, finding, _ = tried(Marker())
    assert test.detected.value == test.detected_knowing.value == 1.0
    assert test.undetected.value == 0.0
    assert "It only works" not in finding.claim
    assert "It works less" not in finding.claim


def test_the_area_and_the_curve_are_those_of_scikit_learn(second):
    test, finding, _ = second
    scores = torch.cat([test.value.clean, test.adversarial]).numpy()
    truth = [0] * len(test.value.clean) + [1] * len(test.adversarial)
    assert test.area.value == pytest.approx(roc_auc_score(truth, scores))
    assert len(test.value.clean) == 40  # the test rows that were not attacked
    (series,) = curves([test]).series
    expected = roc_curve(truth, scores, drop_intermediate=False)
    drawn = torch.tensor([series.x, series.y])
    for x, y in zip(*expected[:2], strict=True):
        assert (drawn.T - torch.tensor([x, y])).abs().amax(1).min() < 1e-6
    assert finding.figures[-1].diagonal


def test_the_finding_holds_every_measure_with_its_n_and_one_line_per_detector(second):
    _, finding, _ = second
    names = [measure.name for measure in finding.measures]
    assert names[-5:] == [
        "second-feature: area under the ROC curve",
        "second-feature: clean inputs detected",
        "second-feature: detected, made without knowing of it",
        "second-feature: detected, made knowing of it, at most",
        "second-feature: rows with an undetected error, at least",
    ]
    assert all(measure.n for measure in finding.measures)
    assert [row[0] for row in finding.tables[-1].rows] == ["second-feature"]
    assert "arxiv:1705.07263" in finding.references


def test_without_gradients_estimated_ones_get_past_the_detector():
    offers = frozenset({Offer.LABELS, Offer.SCORES})
    test, _, _ = tried(SecondFeature(), Square(queries=60), offers=offers)
    assert test.value.knowing == ("square", "spsa")
    assert test.undetected.value > 0.2


def test_where_no_attack_can_be_told_a_class_that_is_not_assessed():
    from roadworthy.attacks.evasion.rays import RayS

    test, finding, _ = tried(SecondFeature(), RayS(steps=60), offers=frozenset({Offer.LABELS}))
    assert test.value.knowing == ()
    assert "was not assessed" in finding.claim
    assert not any("knowing of it, at most" in measure.name for measure in finding.measures)


def test_where_no_error_is_found_nothing_is_said_of_the_detector():
    test, finding, _ = tried(SecondFeature(), eps=0.001)
    assert not len(test.adversarial)
    assert "Of second-feature nothing is known" in finding.claim
    assert not any("second-feature" in measure.name for measure in finding.measures)
