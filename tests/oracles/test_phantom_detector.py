"""What each expert sees, and phantoms on scenes that the detector has not seen."""

from functools import cache

import pytest
import torch
from torch.nn.functional import interpolate

from roadworthy.attacks.threats.phantom import Phantom
from roadworthy.core.dataset import Split
from roadworthy.core.detector import roc
from roadworthy.core.errors import InputError
from roadworthy.guards.phantom_detector import HALF, SIDE, PhantomDetector, views, window
from tests.attack_subjects import draw

MIDDLE = torch.zeros(1, 1, 2)


def scenes(n, seed):
    """Give surfaces with a grain, every other one with a painted sign that hides what is behind."""
    generator = torch.Generator().manual_seed(seed)
    x = interpolate(torch.rand(n, 3, 4, 4, generator=generator), (24, 24), mode="bilinear")
    x = 0.7 * x + 0.2 * torch.rand(n, 3, 24, 24, generator=generator)
    return haunted(x, generator, torch.arange(n) % 2 * 1.0, mode="billboard", max_intensity=1.0)


def haunted(x, generator, strength, **settings):
    threat = Phantom(**settings)
    low, _, high = threat.bounds(x)
    theta = low + (high - low) * torch.rand(len(x), 4, generator=generator)
    theta[:, 0] = strength
    return threat.render(x, theta)


@cache
def learned():
    x = scenes(1200, 0)
    none = torch.zeros(len(x), dtype=torch.int64)
    detector = PhantomDetector(epochs=30)
    return detector, detector.learn(None, Split("train", x, none, none))


def scored(x):
    detector, known = learned()
    with torch.no_grad():
        return detector.scores(None, known, x)


# the billboard of a sign is hardly told from the painted ones, which half of the scenes have
@pytest.mark.slow
@pytest.mark.parametrize(
    ("figure", "mode", "least"),
    [("sign", "projection", 0.65), ("person", "projection", 0.75), ("person", "billboard", 0.75)],
)
def test_phantoms_on_new_scenes_are_found(figure, mode, least):
    x = scenes(200, 1)
    shown = haunted(x, torch.Generator().manual_seed(2), 0.5, figure=figure, mode=mode)
    assert roc(scored(x), scored(shown)).low >= least


@pytest.mark.slow
def test_clean_scenes_and_painted_signs_are_left_alone():
    threshold = scored(scenes(400, 3)).quantile(0.95)
    is_detected = scored(scenes(400, 4)) > threshold
    assert is_detected.double().mean() < 0.1
    assert is_detected[1::2].double().mean() < 0.15


def test_the_light_expert_sees_the_brightest_channel():
    x = draw(2, 3, 24, 24).sigmoid()
    seen = views(x, MIDDLE.expand(2, 1, 2))
    assert torch.equal(seen["light"], seen["surface"].amax(1, keepdim=True))
    turned = views(x.roll(1, 1), MIDDLE.expand(2, 1, 2))
    assert torch.equal(turned["light"], seen["light"])
    assert not torch.equal(turned["surface"], seen["surface"])


def test_the_context_expert_does_not_see_what_is_in_the_window_and_the_others_see_only_that():
    x, other = draw(1, 3, 41, 41).sigmoid(), draw(1, 3, 41, 41, seed=1).sigmoid()
    reach = round(HALF * 41)
    inside = torch.zeros(41, 41, dtype=torch.bool)
    inside[20 - reach : 21 + reach, 20 - reach : 21 + reach] = True
    core = torch.zeros(41, 41, dtype=torch.bool)
    core[22 - reach : 19 + reach, 22 - reach : 19 + reach] = True
    changed_within, changed_around = x.where(~core, other), x.where(inside, other)
    seen, within, around = (views(z, MIDDLE) for z in (x, changed_within, changed_around))
    assert torch.equal(within["context"], seen["context"])
    assert not torch.equal(within["surface"], seen["surface"])
    assert not torch.equal(around["context"], seen["context"])
    assert torch.equal(around["surface"], seen["surface"])
    assert torch.equal(around["light"], seen["light"])


def test_a_window_of_the_images_own_pixels_gives_them_as_they_are():
    x = draw(1, 1, 2 * SIDE, 2 * SIDE)
    cut = window(x, torch.tensor([[[0.0, 0.0], [0.25, -0.25]]]), 0.25)
    half = SIDE // 2
    assert torch.allclose(cut[0], x[0, :, half:-half, half:-half], atol=1e-5)
    assert torch.allclose(cut[1], x[0, :, SIDE:, :SIDE], atol=1e-5)


def test_the_same_seed_learns_the_same_and_leaves_other_random_numbers_alone():
    x = scenes(30, 5)
    rows = Split("train", x, torch.zeros(30, dtype=torch.int64), torch.arange(30))
    torch.manual_seed(0)
    first = PhantomDetector(epochs=1).learn(None, rows, 7)
    after = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(torch.rand(1), after)
    again, other = (PhantomDetector(epochs=1).learn(None, rows, seed) for seed in (7, 8))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_inputs_that_are_no_images_of_gray_or_color_are_refused():
    rows = Split("train", torch.rand(4, 2, 8, 8), torch.zeros(4), torch.arange(4))
    with pytest.raises(InputError, match="gray or RGB"):
        PhantomDetector().learn(None, rows)
    with pytest.raises(InputError, match="weakest"):
        PhantomDetector(weakest=0.0).learn(None, rows)
