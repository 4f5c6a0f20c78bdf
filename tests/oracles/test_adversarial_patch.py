"""A patch against arithmetic on its pixels, and where the best one is known."""

import pytest
import torch

from roadworthy.attacks.physical.adversarial_patch import AdversarialPatch
from roadworthy.attacks.threats.patch import PLACEMENT, Patch
from roadworthy.core.driver import run_attack
from tests.attack_subjects import draw, trained
from tests.models import LinearModel

SIDE = 12


def theta_of(scale, angle, down, right, patch):
    return torch.cat([torch.tensor([scale, angle, down, right]), patch.flatten()])[None]


def test_a_patch_of_the_images_own_resolution_is_pasted_pixel_by_pixel():
    x, patch = draw(1, 3, SIDE, SIDE).sigmoid(), draw(3, 4, 4, seed=1).sigmoid()
    pasted = Patch(side=4).render(x, theta_of(4 / SIDE, 0.0, 2 / SIDE, -3 / SIDE, patch))
    expected = x.clone()
    expected[0, :, 4 + 2 : 8 + 2, 4 - 3 : 8 - 3] = patch
    assert torch.allclose(pasted, expected, atol=1e-5)


def test_a_patch_that_is_turned_by_a_quarter_is_torch_rot90():
    x, patch = draw(1, 3, SIDE, SIDE).sigmoid(), draw(3, 4, 4, seed=1).sigmoid()
    pasted = Patch(side=4, max_angle=90).render(x, theta_of(4 / SIDE, 90.0, 0.0, 0.0, patch))
    expected = x.clone()
    expected[0, :, 4:8, 4:8] = patch.rot90(1, (1, 2))
    assert torch.allclose(pasted, expected, atol=1e-5)


@pytest.mark.parametrize("side", [11, 12])
def test_a_patch_of_no_size_leaves_every_bit_of_the_image(side):
    threat, x = Patch(), draw(3, 3, side, side).sigmoid()
    assert torch.equal(threat.render(x, threat.neutral(x)), x)


def colors(n=20):
    """Give a model that weighs the colors, the same everywhere, and images it puts in class 0."""
    weight = torch.tensor([1.0, -0.7, 0.4]).repeat_interleave(SIDE**2)
    x = 0.4 + 0.2 * draw(n, 3, SIDE, SIDE, seed=2).sigmoid()
    bias = -(x.flatten(1) @ weight).amin() + 8
    model = LinearModel(
        torch.stack([weight, -weight], 1), torch.tensor([bias, -bias]), (3, SIDE, SIDE)
    )
    return model, x, torch.zeros(n, dtype=torch.int64)


@pytest.mark.parametrize("target", [None, 1])
def test_against_weighed_colors_the_patch_takes_the_worst_color(target):
    model, x, y = colors()
    target = None if target is None else torch.full_like(y, target)
    attack = AdversarialPatch(steps=5, rel_step=1.0)
    result = run_attack(attack, model, x, y, Patch(side=6), target=target)
    assert result.success.any()
    patch = result.theta[result.success][0, PLACEMENT:].reshape(3, 6, 6)
    # class 0 leans on red and blue and away from green
    worst = torch.tensor([0.0, 1.0, 0.0])[:, None, None].expand(3, 6, 6)
    assert torch.allclose(patch, worst, atol=1e-6)


def test_all_samples_get_one_patch_at_places_of_their_own():
    model, x, y = trained()
    result = AdversarialPatch(steps=15)(model, x, y, Patch())
    theta = result.theta[result.success]
    assert len(theta) > 1
    assert torch.equal(theta[:, PLACEMENT:], theta[:1, PLACEMENT:].expand(len(theta), -1))
    assert len(theta[:, 1].unique()) == len(theta)


def test_a_made_patch_misleads_more_often_than_a_gray_one():
    model, x, y = trained()
    made = AdversarialPatch(steps=40)(model, x, y, Patch(max_scale=0.4)).success.sum()
    gray = AdversarialPatch(steps=40, rel_step=0.0)(model, x, y, Patch(max_scale=0.4)).success.sum()
    assert made > gray
