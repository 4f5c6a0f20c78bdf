import numpy as np
import pytest

from roadworthy.checks.shift.production_accuracy import (
    ProductionAccuracy,
    difference_of_confidences,
    thresholded_confidence,
)
from roadworthy.core.artifact import Subject
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.sources import make_dataset
from tests.datasets import blobs, judge, numbers
from tests.models import Echo


def drawn(n, seed, spread=1.0):
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 2, n)
    return np.c_[2.0 * y - 1, np.zeros(n)] + spread * generator.normal(size=(n, 2)), y


def used(spread, is_labelled, seed=3):
    x, y = drawn(1500, 1)
    new, truth = drawn(600, seed, spread)
    return make_dataset(x, y, production=(new, truth) if is_labelled else new), truth


def test_labelled_rows_are_counted():
    data, truth = used(3.0, is_labelled=True)
    (finding,) = judge(ProductionAccuracy(), data)
    assert finding.verdict is Verdict.FAIL
    choice = data.production.x[:, 0].numpy() > 0
    assert finding.measures[1].value == pytest.approx((choice == truth).mean(), abs=0.02)


def test_an_unchanged_accuracy_passes_where_labels_are_known():
    (finding,) = judge(ProductionAccuracy(max_drop=0.1), used(1.0, is_labelled=True)[0])
    assert finding.verdict is Verdict.PASS


def test_without_labels_it_never_passes():
    (finding,) = judge(ProductionAccuracy(max_drop=0.2), used(1.0, is_labelled=False)[0])
    assert finding.verdict is Verdict.NOT_ASSESSED
    assert "without labels" in finding.reason
    assert finding.estimate.n == 450 + 600


def test_rows_nearer_to_the_boundary_are_estimated_to_be_wrong_more_often():
    x, y = drawn(1500, 1)
    new, truth = drawn(600, 3)
    new[:, 0] /= 4  # the same answers, by a smaller lead
    (finding,) = judge(ProductionAccuracy(), make_dataset(x, y, production=new))
    assert finding.verdict is Verdict.FAIL
    assert len(truth) == len(new)


def test_average_thresholded_confidence_is_right_on_the_rows_it_was_set_by():
    generator = np.random.default_rng(0)
    confidence = generator.random(500)
    right = generator.random(500) < confidence
    assert thresholded_confidence(confidence, right, confidence) == pytest.approx(right.mean())
    assert difference_of_confidences(confidence, right, confidence) == pytest.approx(right.mean())


def test_a_calibrated_model_is_estimated_without_bias_under_covariate_shift():
    generator = np.random.default_rng(0)
    confidence = generator.random(20_000)
    right = generator.random(20_000) < confidence
    new = generator.beta(2, 3, 20_000)
    found = difference_of_confidences(confidence, right, new)
    assert found == pytest.approx(new.mean(), abs=0.01)


def test_it_says_what_it_needs():
    for data, reason in ((blobs(), "--production"), (numbers(), "--production")):
        with pytest.raises(NotAssessed, match=reason):
            ProductionAccuracy().needs(Subject(Echo(2), data))
