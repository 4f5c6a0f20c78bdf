"""A detector's threshold, and the model that rejects what the detector detects."""

from dataclasses import dataclass, replace

import pytest
import torch

from roadworthy.attacks.evasion.pgd import PGD
from roadworthy.core.adaptive import Guarded, InputStep
from roadworthy.core.card import Card
from roadworthy.core.detector import Detector, FittedDetector, fit_detector
from roadworthy.core.driver import run_attack
from roadworthy.core.errors import InputError
from roadworthy.core.rejecting import HEIGHT, Rejecting
from roadworthy.core.threat import Ball
from tests.attack_subjects import draw
from tests.detector_subjects import Marker, SecondFeature, data, model
from tests.models import Echo


@dataclass(frozen=True)
class FirstValue(Detector):
    """Scores an input by its first number, and learns which rows it saw."""

    card = Card("first-value", "The first number")

    def learn(self, model, rows, seed=0):
        return {"seen": rows.ids}

    def scores(self, model, learned, x):
        return x[:, 0]


def both(threshold=0.5):
    return Rejecting(Echo(5), FittedDetector(FirstValue(), {}, threshold, 2.0))


@pytest.mark.parametrize("shift", [-20.0, 0.0, 20.0])
def test_the_last_output_is_largest_exactly_where_the_detector_detects(shift):
    x = 3 * draw(500, 5) + shift
    is_rejected = both(shift).forward(x).argmax(1) == 5
    assert torch.equal(is_rejected, x[:, 0] > shift)
    assert 0.3 < is_rejected.double().mean() < 0.7


def test_the_classes_keep_their_probabilities():
    x = 3 * draw(50, 5)
    torch.testing.assert_close(both().forward(x)[:, :5].softmax(1), x.softmax(1))


def test_the_last_output_has_the_detectors_gradient():
    x = draw(4, 5).requires_grad_()
    (gradient,) = torch.autograd.grad(both().forward(x)[:, 5].sum(), x)
    expected = torch.tensor([HEIGHT / 2, 0, 0, 0, 0]).expand(4, 5)
    torch.testing.assert_close(gradient, expected)


def test_it_offers_no_more_than_the_model_without_what_is_inside():
    assert both().spec.offers == Echo(5).spec.offers
    assert both().spec.outputs == 6
    assert both().spec.fingerprint != both(0.6).spec.fingerprint != Echo(5).spec.fingerprint


def test_an_attack_with_a_target_gets_past_the_detector_where_that_can_be_done():
    rows, eps, threshold = data().test, 0.1, 0.05
    fitted = FittedDetector(SecondFeature(), {}, threshold, 0.1)
    found = run_attack(
        PGD(steps=100), Rejecting(model(), fitted), rows.x, rows.y, Ball("linf", eps),
        target=1 - rows.y, bounds=(torch.tensor(-9.0), torch.tensor(9.0)),
    )  # fmt: skip
    # the first feature moves by eps, the second one up to the threshold
    side = 2 * rows.y - 1
    can_pass = side * rows.x[:, 0] < eps + threshold
    near = (side * rows.x[:, 0] - eps - threshold).abs() < 0.02
    assert torch.equal(found.success[~near], can_pass[~near])
    assert 0.2 < can_pass.double().mean() < 0.8
    assert not fitted.detects(fitted.scores(model(), found.x[found.success])).any()


def test_no_attack_gets_past_a_detector_of_all_errors():
    rows = data().test
    fitted = fit_detector(Marker(), model(), data())
    found = run_attack(
        PGD(), Rejecting(model(), fitted), rows.x, rows.y, Ball("linf", 0.5), target=1 - rows.y,
        bounds=(torch.tensor(-9.0), torch.tensor(9.0)),
    )  # fmt: skip
    assert not found.success.any()


def test_obstacles_of_the_model_are_gone_around_with_its_detector():
    step = InputStep("round", lambda x: (x * 50).round() / 50)
    rows, fitted = data().test, FittedDetector(SecondFeature(), {}, 0.1, 0.1)
    guarded = Rejecting(Guarded(model(), step), fitted)
    assert "gradients" not in guarded.spec.offers
    found = run_attack(
        PGD(steps=100), guarded, rows.x, rows.y, Ball("linf", 0.2), target=1 - rows.y,
        bounds=(torch.tensor(-9.0), torch.tensor(9.0)),
    )  # fmt: skip
    assert found.success.double().mean() > 0.3


def test_the_threshold_is_set_on_rows_that_the_detector_did_not_learn_from():
    some = data()
    fitted = fit_detector(FirstValue(), model(), some, seed=3)
    left = some.train.x[~torch.isin(some.train.ids, fitted.learned["seen"])]
    assert len(left) == 100
    assert (left[:, 0] > fitted.threshold).double().mean() <= 0.05
    assert fitted.spread == pytest.approx(fitted.threshold - float(left[:, 0].median()))


def test_the_threshold_lets_the_share_of_clean_rows_through_that_was_asked_for():
    shares = []
    for seed in range(200):
        x = draw(400, 3, seed=seed)
        rows = replace(data().train, x=x)
        some = replace(data(), splits=(rows, data().test))
        fitted = fit_detector(FirstValue(), model(), some, 0.1, seed)
        shares.append(1 - torch.special.ndtr(torch.tensor(fitted.threshold)))
    # of 100 held-back scores the 91st from below: 10 of 101 gaps are expected above it
    assert float(torch.stack(shares).mean()) == pytest.approx(0.1, abs=0.01)


def test_equal_scores_are_not_detected():
    fitted = FittedDetector(FirstValue(), {}, 0.5, 1.0)
    assert fitted.detects(torch.tensor([0.4, 0.5, 0.6])).tolist() == [False, False, True]


def test_too_few_rows_and_the_wrong_kind_of_input_are_refused():
    some = data()
    few = replace(some, splits=(some.train.take(torch.arange(40)), some.test))
    with pytest.raises(InputError, match="a quarter of them are 10"):
        fit_detector(FirstValue(), model(), few)

    class OfImages(FirstValue):
        kinds = frozenset({"image"})

    with pytest.raises(InputError, match="watches image inputs"):
        fit_detector(OfImages(), model(), some)
