import numpy as np
import pytest
import torch

from roadworthy.checks.performance.calibration import (
    Calibration,
    brier,
    calibration_error,
    expected_calibration_error,
)
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.core.model import Offer
from tests.datasets import builtin, judge, table
from tests.models import Echo


def drawn_from_own_probabilities(n=3000, classes=3, sharpen=1.0, seed=0):
    """Rows whose inputs are logits, with labels drawn from the softmax of the logits."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(n, classes)) * 2
    probabilities = torch.tensor(logits).softmax(1).numpy()
    y = (probabilities.cumsum(1) < generator.random((n, 1))).sum(1)
    return table(sharpen * logits, y, np.arange(n) % 2 == 1)


def test_a_model_that_draws_from_its_own_probabilities_is_calibrated():
    (finding,) = judge(Calibration(), drawn_from_own_probabilities(), Echo(3))
    assert finding.verdict is Verdict.PASS
    assert finding.estimate.value < 0.03


def test_a_sharpened_model_is_caught_and_called_too_sure():
    (finding,) = judge(Calibration(), drawn_from_own_probabilities(sharpen=3.0), Echo(3))
    assert finding.verdict is Verdict.FAIL
    assert "less often than it says" in finding.claim


def test_a_flattened_model_is_caught_and_called_too_modest():
    (finding,) = judge(Calibration(), drawn_from_own_probabilities(sharpen=0.3), Echo(3))
    assert finding.verdict is Verdict.FAIL
    assert "more often than it says" in finding.claim


def test_few_rows_of_a_calibrated_model_are_not_failed():
    verdicts = [
        judge(Calibration(), drawn_from_own_probabilities(n=200, seed=seed), Echo(3))[0].verdict
        for seed in range(5)
    ]
    assert Verdict.FAIL not in verdicts


@pytest.mark.parametrize("name", ["digits", "breast-cancer"])
def test_logistic_regression_on_a_clean_set_is_not_failed(name):
    (finding,) = judge(Calibration(), builtin(name))
    assert finding.verdict is not Verdict.FAIL


def test_both_errors_equal_their_definition():
    generator = np.random.default_rng(1)
    confidence = generator.random(103)
    right = (generator.random(103) < 0.5).astype(float)
    rows = sorted(range(103), key=lambda row: confidence[row])
    absolute, square = 0.0, 0.0
    for b in range(7):
        own = rows[int(b * 103 / 7) : int((b + 1) * 103 / 7)]
        c = sum(confidence[row] for row in own) / len(own)
        a = sum(right[row] for row in own) / len(own)
        absolute += len(own) / 103 * abs(c - a)
        square += len(own) / 103 * ((c - a) ** 2 - a * (1 - a) / (len(own) - 1))
    assert expected_calibration_error(confidence, right, 7) == pytest.approx(absolute)
    assert calibration_error(confidence, right, 7) == pytest.approx(max(0, square) ** 0.5)


def test_the_squared_error_is_unbiased_by_chance():
    generator = np.random.default_rng(2)
    confidence = np.full(200, 0.8)
    squares = []
    for _ in range(2000):
        right = (generator.random(200) < 0.7).astype(float)
        a = right.reshape(8, 25).mean(1)
        squares.append(((0.8 - a) ** 2 - a * (1 - a) / 24).mean())
    standard_error = np.std(squares) / 2000**0.5
    assert abs(np.mean(squares) - 0.1**2) < 4 * standard_error
    assert calibration_error(confidence, right, 8) == pytest.approx(max(0, squares[-1]) ** 0.5)


def test_the_brier_score_equals_its_definition():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    expected = [0.3**2 + 0.2**2 + 0.1**2, 0.9**2 + 0.1**2 + 0.8**2]
    assert brier(probabilities, np.array([0, 0])) == pytest.approx(expected)


def test_the_class_shares_are_the_baseline():
    (finding,) = judge(Calibration(), drawn_from_own_probabilities(), Echo(3))
    scores = {measure.name: measure.value for measure in finding.measures}
    assert scores["Brier score of the class shares"] == pytest.approx(2 / 3, abs=0.02)
    assert scores["Brier score"] < scores["Brier score of the class shares"]


def test_a_model_of_labels_only_is_not_assessed():
    model = Echo(3, frozenset({Offer.LABELS}))
    with pytest.raises(NotAssessed, match="scores"):
        judge(Calibration(), drawn_from_own_probabilities(n=200), model)


def test_a_handful_of_test_rows_is_not_assessed():
    with pytest.raises(NotAssessed, match="50 test rows"):
        judge(Calibration(), drawn_from_own_probabilities(n=90), Echo(3))
