import colorsys

import numpy as np
import pytest
import torch
from scipy import ndimage

from roadworthy.artifacts.image_corruptions import (
    IMAGE_CORRUPTIONS,
    brightness,
    contrast,
    gaussian_blur,
    gaussian_noise,
    shift,
)
from roadworthy.core.streams import Streams

EACH = pytest.mark.parametrize("name", list(IMAGE_CORRUPTIONS))


def images(n=4, channels=3, height=32, width=32):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(n, channels, height, width, generator=generator)


def streams(n=4, seed=0):
    return Streams.of(seed, torch.arange(n))


@EACH
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 8, 8), (1, 28, 20)])
def test_images_stay_images(name, shape):
    x = images(4, *shape)
    before = x.clone()
    for severity in range(1, 6):
        changed = IMAGE_CORRUPTIONS[name](x, severity, streams())
        assert changed.shape == x.shape
        assert changed.dtype == x.dtype
        assert ((changed >= 0) & (changed <= 1)).all()
    assert torch.equal(x, before)


@EACH
def test_a_higher_severity_changes_more(name):
    x = images() * 0.4 + 0.2  # away from the ends, where clipping would hide it
    sizes = [
        float((IMAGE_CORRUPTIONS[name](x, severity, streams()) - x).abs().mean())
        for severity in range(1, 6)
    ]
    if name == "shift":  # random pixels differ as much one pixel on as ten
        assert min(sizes) > 0
    else:
        assert sizes == sorted(sizes)
        assert sizes[0] > 0


@EACH
def test_an_image_alone_changes_as_it_does_in_a_batch(name):
    x = images()
    batch = IMAGE_CORRUPTIONS[name](x, 3, streams())
    alone = IMAGE_CORRUPTIONS[name](x[2:3], 3, Streams.of(0, torch.tensor([2])))
    assert torch.allclose(alone[0], batch[2], atol=1e-6)


@pytest.mark.parametrize(
    ("severity", "deviation"), list(enumerate((0.04, 0.06, 0.08, 0.09, 0.1), 1))
)
def test_noise_has_the_published_deviation(severity, deviation):
    x = torch.full((50, 1, 32, 32), 0.5)
    noise = gaussian_noise(x, severity, streams(50)) - x
    # 51,200 draws: the standard error of a deviation is 0.3 %
    assert float(noise.std()) == pytest.approx(deviation, rel=0.015)
    assert float(noise.mean()) == pytest.approx(0, abs=0.002)


@pytest.mark.parametrize(("severity", "sigma"), list(enumerate((0.4, 0.6, 0.7, 0.8, 1.0), 1)))
def test_blur_is_that_of_scipy(severity, sigma):
    x = images()
    expected = ndimage.gaussian_filter(x.double().numpy(), (0, 0, sigma, sigma), mode="nearest")
    assert np.abs(gaussian_blur(x, severity, streams()).numpy() - expected).max() < 1e-5


def test_blur_is_relative_to_the_side():
    x = images(height=64, width=64)
    expected = ndimage.gaussian_filter(x.double().numpy(), (0, 0, 2, 2), mode="nearest")
    assert np.abs(gaussian_blur(x, 5, streams()).numpy() - expected).max() < 1e-5


@pytest.mark.parametrize(("severity", "kept"), list(enumerate((0.75, 0.5, 0.4, 0.3, 0.15), 1)))
def test_contrast_keeps_the_mean_and_a_share_of_the_deviation(severity, kept):
    x = images() * 0.5 + 0.25
    changed = contrast(x, severity, streams())
    assert torch.allclose(changed.mean((2, 3)), x.mean((2, 3)), atol=1e-5)
    assert torch.allclose(changed.std((2, 3)), x.std((2, 3)) * kept, atol=1e-5)


@pytest.mark.parametrize(("severity", "added"), list(enumerate((0.05, 0.1, 0.15, 0.2, 0.3), 1)))
def test_brightness_is_that_of_hsv(severity, added):
    x = images(1, height=6, width=6)
    x[0, :, 0, 0] = 0  # black has no hue
    changed = brightness(x, severity, streams(1))[0].flatten(1).T
    for before, after in zip(x[0].flatten(1).T, changed, strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*before.tolist())
        expected = colorsys.hsv_to_rgb(hue, saturation, min(1, value + added))
        assert after.tolist() == pytest.approx(expected, abs=1e-5)


def test_brightness_of_grey_is_added():
    x = images(channels=1)
    assert torch.allclose(brightness(x, 2, streams()), (x + 0.1).clamp(0, 1), atol=1e-6)


@pytest.mark.parametrize(("severity", "pixels"), list(enumerate((1, 3, 4, 5, 6), 1)))
def test_shift_moves_by_whole_pixels_and_repeats_the_edge(severity, pixels):
    x = images(40)
    moved = shift(x, severity, streams(40))
    ways = [
        ndimage.shift(x.numpy(), (0, 0, down, right), order=0, mode="nearest")
        for down, right in ((pixels, 0), (-pixels, 0), (0, pixels), (0, -pixels))
    ]
    fits = np.stack([(moved.numpy() == way).all((1, 2, 3)) for way in ways])
    assert (fits.sum(0) == 1).all()
    assert fits.any(1).all(), "each way is taken by some image"


def test_a_small_image_shifts_by_at_least_a_pixel():
    x = images(1, 1, 8, 8)
    assert not torch.equal(shift(x, 1, streams(1)), x)
