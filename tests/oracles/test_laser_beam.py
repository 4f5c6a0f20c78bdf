"""Beams of light against a loop over pixels, and the searches against random beams."""

import math

import pytest
import torch

from roadworthy.attacks.physical.laser_beam import LaserBeamSearch
from roadworthy.attacks.physical.laser_beam_gradient import LaserBeamGradient
from roadworthy.attacks.threats.laser_beam import LaserBeam, rgb
from tests.attack_subjects import draw, trained

BEAMS = torch.tensor(
    [
        [650.0, 0.0, 0.1, 0.1, 1.0],
        [532.0, 90.0, -0.2, 0.05, 0.7],
        [450.0, 37.0, 0.0, 0.15, 0.3],
        [405.0, 140.0, 0.6, 0.02, 0.9],
    ]
)


def color_of(wavelength):
    """Bruton's approximation, as its author wrote it: one range after the other."""
    w = wavelength
    if w < 440:
        red, green, blue = (440 - w) / 60, 0, 1
    elif w < 490:
        red, green, blue = 0, (w - 440) / 50, 1
    elif w < 510:
        red, green, blue = 0, 1, (510 - w) / 20
    elif w < 580:
        red, green, blue = (w - 510) / 70, 1, 0
    elif w < 645:
        red, green, blue = 1, (645 - w) / 65, 0
    else:
        red, green, blue = 1, 0, 0
    fade = 0.3 + 0.7 * min(1, (w - 380) / 40, (780 - w) / 80)
    return [fade * part for part in (red, green, blue)]


def by_pixel(image, beam):
    """Add a beam to an image (C, H, W), pixel by pixel."""
    wavelength, angle, offset, width, intensity = beam.tolist()
    channels, height, width_pixels = image.shape
    side = min(height, width_pixels)
    along = math.cos(math.radians(angle)), -math.sin(math.radians(angle))  # right, down
    foot = offset * math.sin(math.radians(angle)), offset * math.cos(math.radians(angle))
    color = color_of(wavelength)
    if channels == 1:
        color = [0.2126 * color[0] + 0.7152 * color[1] + 0.0722 * color[2]]
    lit = image.clone().double()
    for row in range(height):
        for column in range(width_pixels):
            right = (column - (width_pixels - 1) / 2) / side - foot[0]
            down = (row - (height - 1) / 2) / side - foot[1]
            distance = abs(right * along[1] - down * along[0])  # the cross product
            share = 1.0 if distance <= width / 2 else (width / 2 / distance) ** 2
            for channel in range(channels):
                lit[channel, row, column] += intensity * share * color[channel]
    return lit


@pytest.mark.parametrize("channels", [1, 3])
def test_a_beam_lights_each_pixel_by_its_distance_from_the_line(channels):
    x = draw(4, channels, 9, 13).sigmoid()
    lit = LaserBeam().render(x, BEAMS)
    expected = torch.stack([by_pixel(image, beam) for image, beam in zip(x, BEAMS, strict=True)])
    assert torch.allclose(lit.double(), expected, atol=1e-5)


def test_no_light_gives_every_bit_of_the_image():
    threat, x = LaserBeam(), draw(4, 3, 8, 8).sigmoid()
    assert torch.equal(threat.render(x, threat.neutral(x)), x)


def test_wavelengths_have_the_colors_of_the_spectrum():
    wavelength = torch.linspace(380, 780, 401, dtype=torch.float64)
    color = rgb(wavelength)
    expected = torch.tensor([color_of(w) for w in wavelength.tolist()], dtype=torch.float64)
    assert torch.allclose(color, expected)
    violet, blue, green, yellow, red = rgb(torch.tensor([400.0, 450.0, 520.0, 580.0, 650.0]))
    assert red.tolist() == [1, 0, 0]
    assert yellow.tolist() == [1, 1, 0]
    assert green.argmax() == 1
    assert blue.argmax() == 2
    assert violet[1] == 0
    assert violet[2] > violet[0] > 0


def test_a_beam_is_smooth_in_all_of_its_properties():
    threat, x = LaserBeam(), draw(4, 3, 8, 8).sigmoid().double()
    theta = BEAMS.double().requires_grad_()
    # wavelengths away from the ends of the pieces, where there is no derivative
    assert torch.autograd.gradcheck(lambda t: threat.render(x, t), theta)


def test_the_budget_bounds_the_strength_and_nothing_else():
    threat, x = LaserBeam(eps=0.25), draw(4, 3, 8, 8).sigmoid()
    _, held = threat.hold(x, x, BEAMS, is_bounded=True)
    assert torch.equal(held[:, :4], BEAMS[:, :4])
    assert held[:, 4].tolist() == [0.25] * 4
    assert threat.allows(threat.size(x, x, held)).all()
    _, shorter = threat.shorten(x, x, BEAMS, torch.full((4,), 0.5))
    assert torch.equal(shorter[:, :4], BEAMS[:, :4])
    assert torch.allclose(shorter[:, 4], BEAMS[:, 4] / 2)


def test_a_search_finds_more_errors_than_as_many_random_beams_do():
    model, x, y = trained()
    threat = LaserBeam(eps=0.6)
    found = LaserBeamSearch()(model, x, y, threat).success.sum()
    by_chance = LaserBeamSearch(steps=1, restarts=200)(model, x, y, threat).success.sum()
    assert 0 < by_chance < found < len(x)


def test_a_gradient_finds_as_many_errors_with_fewer_passes():
    model, x, y = trained()
    threat = LaserBeam(eps=0.6)
    search = LaserBeamSearch()(model, x, y, threat)
    gradient = LaserBeamGradient()(model, x, y, threat)
    passes = [(run.forward + run.backward).double().mean() for run in (gradient, search)]
    assert gradient.success.sum() >= search.success.sum()
    assert passes[0] < passes[1]
