import pytest
import torch

from roadworthy.core.errors import InputError
from roadworthy.core.guard import protect
from roadworthy.guards import FeatureSqueezing
from roadworthy.images.bit_depth import squeezed
from tests.guard_subjects import digits, held, undefended


def test_two_bits_leave_the_nearest_of_four_levels():
    x = torch.tensor([0.0, 0.16, 0.17, 0.49, 0.51, 0.83, 0.84, 1.0]).reshape(1, 1, 2, 4)
    levels = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3]) / 3
    assert torch.equal(squeezed(x, 2).flatten(), levels)


def test_eight_bits_change_no_image_of_bytes():
    x = torch.arange(256).reshape(1, 1, 16, 16) / 255
    assert torch.equal(squeezed(x, 8), x)


def test_a_depth_that_makes_no_sense_is_refused():
    data, model, *_ = digits()
    with pytest.raises(InputError, match="1 to 8 bits"):
        protect(model, FeatureSqueezing(bits=0), data)


def test_it_stops_some_changes_made_without_it_and_few_made_against_it():
    clean, static, knowing = held(FeatureSqueezing(bits=2), 0.15)
    assert clean >= 0.95
    assert static >= undefended(0.15) + 0.4
    assert held(FeatureSqueezing(bits=2), 0.2)[2] <= 0.05
    assert knowing <= static
