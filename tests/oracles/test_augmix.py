"""AugMix against changes and divergences that can be written down."""

import math

import pytest
import torch

from roadworthy.core.errors import InputError
from roadworthy.images.changes import (
    CHANGES,
    autocontrast,
    equalize,
    posterize,
    rotate,
    solarize,
)
from roadworthy.images.mixes import MixSettings
from roadworthy.strategies.augmix import jensen_shannon


def images(n=6, channels=3, height=8, width=10):
    return torch.rand(n, channels, height, width, generator=torch.Generator().manual_seed(1))


def test_a_mix_of_changes_that_change_nothing_is_the_image():
    x = images()
    mixed = MixSettings().drawn(len(x)).of(x, [lambda x, strength: x] * len(CHANGES))
    assert torch.allclose(mixed, x, atol=1e-6)


def test_a_mix_lies_between_the_image_and_its_changes():
    torch.manual_seed(0)
    x = images() / 2
    white = [lambda x, strength: torch.ones_like(x)] * len(CHANGES)
    mixed = MixSettings().drawn(len(x)).of(x, white)
    share = (mixed - x) / (1 - x)  # of white, one number per image
    assert torch.allclose(share, share[:, :1, :1, :1].expand_as(share), atol=1e-5)
    assert share.min() >= 0
    assert share.max() <= 1
    assert share.flatten(1)[:, 0].std() > 0.1


@pytest.mark.parametrize("severity", [0.05, 3.0, 10.0])
def test_mixes_stay_within_valid_values(severity):
    torch.manual_seed(0)
    x = images()
    mixed = MixSettings(severity).drawn(len(x)).of(x)
    assert mixed.shape == x.shape
    assert mixed.min() >= 0
    assert mixed.max() <= 1
    assert not torch.equal(mixed, x)


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_each_change_leaves_constant_black_and_valid_values(number):
    torch.manual_seed(0)
    x, strength = images(), torch.linspace(0.01, 0.9, 6)
    changed = CHANGES[number](x, strength)
    assert changed.min() >= -1e-6
    assert changed.max() <= 1 + 1e-6
    black = torch.zeros_like(x)
    assert torch.equal(CHANGES[number](black, strength), black)


def test_no_strength_moves_no_pixel():
    x, none = images(), torch.zeros(6)
    for move in (rotate, *CHANGES[5:]):
        assert torch.allclose(move(x, none), x, atol=1e-5)


def test_a_quarter_turn_is_a_quarter_turn_in_square_and_a_half_turn_in_oblong_images():
    square, quarter = images(width=8), torch.full((6,), 3.0)  # of 30 degrees
    for sign in (1, -1):
        turned = torch.rot90(square, sign, (2, 3))
        assert torch.allclose(rotate(square, sign * quarter), turned, atol=1e-4)
    oblong = images()
    assert torch.allclose(rotate(oblong, 2 * quarter), oblong.flip(2, 3), atol=1e-4)


def test_a_shift_moves_by_whole_pixels_where_it_is_told_to():
    x = images(height=6, width=6)
    half = torch.full((6,), 0.5)  # of a third of 6 pixels
    left, right = torch.zeros_like(x), torch.zeros_like(x)
    left[..., :-1], right[..., 1:] = x[..., 1:], x[..., :-1]
    assert torch.allclose(CHANGES[7](x, half), left, atol=1e-5)
    assert torch.allclose(CHANGES[7](x, -half), right, atol=1e-5)


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


def test_what_is_drawn_is_what_the_paper_draws():
    torch.manual_seed(0)
    drawn = MixSettings(severity=3.0, width=4, depth=3).drawn(20000)
    assert torch.allclose(drawn.weights.sum(1), torch.ones(20000))
    mean, spread = drawn.share.mean(), drawn.share.var()
    assert abs(mean - 1 / 2) < 0.01  # Beta(1, 1) is uniform; 5 standard errors
    assert abs(spread - 1 / 12) < 0.003
    length = (drawn.kinds >= 0).sum(2).flatten()
    assert torch.allclose(
        length.bincount() / len(length), torch.tensor([0, 1, 1, 1]) / 3, atol=0.01
    )
    kinds = drawn.kinds[drawn.kinds >= 0].bincount() / (drawn.kinds >= 0).sum()
    assert torch.allclose(kinds, torch.full((9,), 1 / 9), atol=0.005)
    strength = drawn.strengths.abs()
    assert strength.min() >= 0.01
    assert strength.max() <= 0.3
    assert abs((drawn.strengths > 0).double().mean() - 0.5) < 0.01


def test_each_image_gets_its_own_mix():
    torch.manual_seed(0)
    x, mixes = images(), MixSettings().drawn(6)
    mixed = mixes.of(x)
    for k in range(6):
        one = torch.tensor([k])
        assert torch.allclose(mixes.take(one).of(x[one]), mixed[one], atol=1e-6)


def test_rounding_has_the_identitys_derivative():
    x = images().requires_grad_()
    for change in (equalize, posterize):
        changed = change(x, torch.full((6,), 0.5))
        (slope,) = torch.autograd.grad(changed.sum(), x)
        assert torch.equal(slope, torch.ones_like(x))


def test_settings_that_make_no_sense_are_refused():
    for wrong in ({"severity": 11.0}, {"width": 0}, {"alpha": 0.0}):
        with pytest.raises(InputError, match="augmix takes a width"):
            MixSettings(**wrong).drawn(1)


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
