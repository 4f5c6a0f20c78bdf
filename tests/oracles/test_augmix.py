"""AugMix against changes and divergences that can be written down."""

import math

import pytest
import torch

from roadworthy.strategies import AugMix
from roadworthy.strategies.augmix import (
    OPERATIONS,
    autocontrast,
    equalize,
    jensen_shannon,
    posterize,
    rotate,
    solarize,
)


def images(n=6, channels=3, height=8, width=10):
    return torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(1))


def test_a_mix_of_changes_that_change_nothing_is_the_image():
    x = images()
    mixed = AugMix().mixed(x, (lambda x, strength: x,))
    assert torch.allclose(mixed, x, atol=1e-6)


def test_a_mix_lies_between_the_image_and_its_changes():
    torch.manual_seed(0)
    x = images() / 2
    mixed = AugMix().mixed(x, (lambda x, strength: torch.ones_like(x),))
    share = (mixed - x) / (1 - x)  # of white, one number per image
    assert torch.allclose(share, share[:, :1, :1, :1].expand_as(share), atol=1e-5)
    assert share.min() >= 0
    assert share.max() <= 1
    assert share.flatten(1)[:, 0].std() > 0.1


@pytest.mark.parametrize("severity", [0.05, 3.0, 10.0])
def test_mixes_stay_within_valid_values(severity):
    torch.manual_seed(0)
    x = images()
    mixed = AugMix(severity=severity).mixed(x)
    assert mixed.shape == x.shape
    assert mixed.min() >= 0
    assert mixed.max() <= 1
    assert not torch.equal(mixed, x)


@pytest.mark.parametrize("number", range(len(OPERATIONS)))
def test_each_change_leaves_constant_black_and_valid_values(number):
    torch.manual_seed(0)
    x, strength = images(), torch.linspace(0.01, 0.9, 6)
    changed = OPERATIONS[number](x, strength)
    assert changed.min() >= -1e-6
    assert changed.max() <= 1 + 1e-6
    black = torch.zeros_like(x)
    assert torch.equal(OPERATIONS[number](black, strength), black)


def test_no_strength_moves_no_pixel():
    x, none = images(), torch.zeros(6)
    for move in (rotate, *OPERATIONS[5:]):
        assert torch.allclose(move(x, none), x, atol=1e-5)


def test_a_quarter_turn_is_a_quarter_turn_in_square_and_a_half_turn_in_oblong_images():
    square, quarter = images(width=8), torch.full((6,), 3.0)  # of 30 degrees
    turned = rotate(square, quarter)
    turns = [torch.rot90(square, k, (2, 3)) for k in (1, -1)]  # either way, drawn for each image
    for k in range(6):
        assert any(torch.allclose(turned[k], turn[k], atol=1e-4) for turn in turns)
    oblong = images()
    assert torch.allclose(rotate(oblong, 2 * quarter), oblong.flip(2, 3), atol=1e-4)


def test_a_shift_moves_by_whole_pixels_where_it_is_told_to():
    x = images(height=6, width=6)
    shifted = OPERATIONS[7](x, torch.full((6,), 0.5))  # half of a third of 6 pixels
    left, right = torch.zeros_like(x), torch.zeros_like(x)
    left[..., :-1], right[..., 1:] = x[..., 1:], x[..., :-1]
    for k in range(6):
        assert any(torch.allclose(shifted[k], way[k], atol=1e-5) for way in (left, right))


def test_changes_of_values_are_those_of_their_names():
    x = torch.tensor([0.2, 0.4, 0.4, 0.8]).reshape(1, 1, 2, 2)
    strength = torch.tensor([0.3])
    stretched = torch.tensor([0.0, 1 / 3, 1 / 3, 1.0]).reshape(1, 1, 2, 2)
    assert torch.allclose(autocontrast(x, strength), stretched)
    even = torch.tensor([0.0, 2 / 3, 2 / 3, 1.0]).reshape(1, 1, 2, 2)  # shares of pixels up to it
    assert torch.allclose(equalize(x, strength), even)
    turned = torch.tensor([0.2, 0.4, 0.4, 0.2]).reshape(1, 1, 2, 2)
    assert torch.allclose(solarize(x, strength), turned)
    coarse = torch.tensor([32, 96, 96, 192]).reshape(1, 1, 2, 2) / 255  # 3 bits of 51, 102, 204
    assert torch.allclose(posterize(x, strength), coarse)


def test_the_divergence_is_jensen_and_shannons():
    first, second = [0.9, 0.1], [0.4, 0.6]
    middle = [(a + b) / 2 for a, b in zip(first, second, strict=True)]
    expected = sum(
        sum(p * math.log(p / m) for p, m in zip(answer, middle, strict=True))
        for answer in (first, second)
    )
    answers = torch.tensor([[first], [second]]).log()
    assert torch.allclose(jensen_shannon(answers), torch.tensor([expected / 2]))
    assert torch.allclose(jensen_shannon(answers[[0, 0, 0]]), torch.zeros(1), atol=1e-7)
