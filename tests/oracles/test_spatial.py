"""Rotation and translation against scipy's, and the search against brute force."""

import itertools

import numpy as np
import pytest
import torch
from scipy import ndimage

from roadworthy.attacks.evasion.spatial import Spatial
from roadworthy.attacks.threats.rotation_translation import RotationTranslation
from tests.attack_subjects import Network, draw

GRID = list(
    itertools.product(np.linspace(-3, 3, 7), np.linspace(-0.1, 0.1, 3), np.linspace(-0.1, 0.1, 3))
)


def images(n=4, height=8, width=8):
    return draw(n, 3, height, width, seed=1).sigmoid()


def by_scipy(image, angle, down, right):
    """Turn an image (C, H, W) counterclockwise and shift it by pixels, one channel at a time."""
    radians = np.deg2rad(angle)
    matrix = np.array([[np.cos(radians), np.sin(radians)], [-np.sin(radians), np.cos(radians)]])
    middle = (np.array(image.shape[1:]) - 1) / 2
    offset = middle - matrix @ (middle + np.array([down, right]))
    turned = [
        ndimage.affine_transform(channel, matrix, offset, order=1, mode="grid-constant")
        for channel in image.double().numpy()
    ]
    return torch.tensor(np.stack(turned))


@pytest.mark.parametrize(
    ("angle", "down", "right"), [(17, 0, 0), (-30, 1.5, -0.7), (0, 2, 1), (0, -0.3, 0)]
)
def test_an_image_turns_and_shifts_as_scipy_does_it(angle, down, right):
    x = images(height=9, width=12)
    theta = torch.tensor([[angle, down / 9, right / 12]], dtype=torch.float32).expand(4, -1)
    turned = RotationTranslation().render(x, theta)
    expected = torch.stack([by_scipy(image, angle, down, right) for image in x])
    assert torch.allclose(turned.double(), expected, atol=1e-5)


def test_no_change_gives_every_bit_of_the_image():
    threat, x = RotationTranslation(), images(height=7, width=10)
    assert torch.equal(threat.render(x, threat.neutral(x)), x)


@pytest.mark.parametrize("turns", [1, 2, 3, -1])
def test_a_quarter_turn_is_torch_rot90(turns):
    x = images()
    theta = torch.tensor([[90.0 * turns, 0, 0]]).expand(4, -1)
    turned = RotationTranslation(max_angle=360).render(x, theta)
    assert torch.allclose(turned, x.rot90(turns, (2, 3)), atol=1e-5)


def test_the_grid_finds_an_error_exactly_where_brute_force_does():
    model, x = Network(), draw(40, 3, 8, 8, seed=1).sigmoid()
    with torch.no_grad():
        y = model.forward(x).argmax(1)
        changed = torch.zeros(40, dtype=torch.bool)
        for angle, down, right in GRID:
            turned = torch.stack([by_scipy(image, angle, down, right) for image in x]).float()
            changed |= model.forward(turned).argmax(1) != y
    threat = RotationTranslation(max_angle=3, max_shift=0.1 / 8)
    result = Spatial(steps=7, shifts=3)(model, x, y, threat)
    assert 0 < changed.sum() < 40
    assert torch.equal(result.success, changed)


def test_the_budget_is_a_share_of_angle_and_shift():
    model, x = Network(), images(8)
    with torch.no_grad():
        y = model.forward(x).argmax(1)
    for search in ("grid", "random"):
        result = Spatial(search=search)(model, x, y, RotationTranslation(eps=0.5))
        assert (result.theta[:, 0].abs() <= 15 + 1e-4).all()
        assert (result.theta[:, 1:].abs() <= 1.5 / 28 + 1e-6).all()


def test_the_whole_grid_is_asked_when_nothing_is_found():
    model, x = Network(), images(2)
    with torch.no_grad():
        y = model.forward(x).argmax(1)
    result = Spatial()(model, x, y, RotationTranslation(eps=1e-4))
    assert not result.success.any()
    # 775 turns and shifts, a check of the best of each angle, and the first look
    assert result.forward.tolist() == [775 + 31 + 1] * 2
