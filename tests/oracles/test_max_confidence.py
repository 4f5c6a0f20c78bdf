"""Maximum confidence against exhaustive targeting."""

import pytest
import torch

from roadworthy.attacks import ATTACKS, DDN, PGD, MaxConfidence
from roadworthy.core.driver import run_attack
from roadworthy.core.errors import InputError
from roadworthy.core.threat import Ball
from tests.attack_subjects import trained
from tests.models import LinearModel

EPS = 0.2


def confidence(model, result):
    """Give the probability of the wrong class; 0 where there is no error."""
    with torch.no_grad():
        return model(result.x).softmax(1).amax(1) * result.success


def test_no_single_targeted_run_is_surer_of_its_errors():
    model, x, y = trained()
    x, y = x[:10], y[:10]
    threat = Ball("linf", EPS)
    surest = confidence(model, MaxConfidence(PGD(steps=20))(model, x, y, threat))
    stops = confidence(model, PGD(steps=20)(model, x, y, threat))
    for shift in range(1, 10):
        target = (y + shift) % 10
        single = confidence(model, run_attack(PGD(steps=20), model, x, y, threat, target=target))
        assert (surest >= single - 1e-3).all()
    assert surest.mean() > stops.mean() + 0.2


def test_it_reaches_the_surest_corner_of_a_linear_model():
    # class 1 is nearer, class 2 leads by more at the end of the box
    weight = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 5.0]])
    model = LinearModel(weight, torch.tensor([0.0, -0.1, -1.0]), (2,))
    x, y = torch.tensor([[0.0, 0.0]]), torch.tensor([0])
    result = MaxConfidence()(model, x, y, Ball("linf", 0.5))
    assert model(result.x).argmax(1).tolist() == [2]
    assert torch.allclose(result.x, torch.tensor([[0.0, 0.5]]), atol=1e-5)
    # exactly what a corner of the box allows: 2.5 - 1 above the others
    assert torch.allclose(result.margin, torch.tensor([1.5]), atol=1e-5)


def test_an_attack_without_a_budget_is_refused():
    model = LinearModel(torch.eye(2), torch.zeros(2), (2,))
    with pytest.raises(InputError, match="ddn has none"):
        MaxConfidence(DDN())(model, torch.eye(2), torch.tensor([0, 1]), Ball("l2", 1.0))


def test_its_short_name_leads_to_it():
    assert ATTACKS.get("MaxConf") is MaxConfidence
