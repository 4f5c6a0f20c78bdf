"""The negative-image threat and its attack against the definition."""

import pytest
import torch

from roadworthy.attacks import ATTACKS, Inversion
from roadworthy.attacks.threats.negative import Negative
from roadworthy.core.attack import Reason
from roadworthy.core.driver import run_attack
from roadworthy.core.errors import InputError
from tests.attack_subjects import draw
from tests.models import LinearModel


def brightness(shape):
    """Give a model that calls images class 0 where the pixels' mean is below one half."""
    size = torch.Size(shape).numel()
    weight = torch.stack([torch.full((size,), -1 / size), torch.full((size,), 1 / size)], 1)
    return LinearModel(weight, torch.tensor([0.5, -0.5]), shape)


def test_a_dark_image_becomes_exactly_its_negative():
    x = draw(5, 3, 4, 4).sigmoid() * 0.4
    result = Inversion()(brightness((3, 4, 4)), x, torch.zeros(5).long(), Negative())
    assert result.success.all()
    assert torch.equal(result.x, 1 - x)
    assert torch.equal(result.theta, torch.ones(5, 1))
    assert result.distance.tolist() == [1.0] * 5
    assert (result.forward == 3).all()  # the clean look, the negative, the verification


def test_other_ranges_have_other_negatives():
    x = draw(2, 1, 2, 2)
    threat = Negative(low=-3.0, high=5.0)
    negative = threat.render(x, torch.ones(2, 1))
    assert torch.equal(negative, 2.0 - x)
    assert torch.equal(threat.render(x, torch.zeros(2, 1)), x)


def test_a_model_blind_to_brightness_is_not_fooled():
    x = draw(3, 4).sigmoid()
    model = LinearModel(torch.zeros(4, 2), torch.tensor([1.0, 0.0]), (4,))
    result = Inversion()(model, x, torch.zeros(3).long(), Negative())
    assert not result.success.any()
    assert (result.reason == Reason.BUDGET).all()


def test_a_smaller_budget_goes_that_share_of_the_way():
    x = torch.full((1, 4), 0.2)
    threat = Negative(eps=0.75)
    result = Inversion()(brightness((4,)), x, torch.tensor([0]), threat)
    assert torch.allclose(result.x, torch.full((1, 4), 0.65))
    assert threat.allows(result.distance).all()


def test_it_is_told_a_class_as_any_attack_is():
    x = torch.full((2, 4), 0.2)
    result = run_attack(
        Inversion(), brightness((4,)), x, torch.tensor([0, 0]), Negative(),
        target=torch.tensor([1, 0]),
    )  # fmt: skip
    assert result.reason.tolist() == [Reason.SUCCESS, Reason.ALREADY_WRONG]


def test_a_range_must_have_a_length():
    with pytest.raises(InputError, match="low must be below high"):
        Negative(low=1.0, high=1.0)


def test_its_name_in_other_libraries_leads_to_it():
    assert ATTACKS.get("Inversion attack") is Inversion


def test_no_budget_goes_beyond_the_negative():
    with pytest.raises(InputError, match="share of the way"):
        Negative(eps=1.5)
