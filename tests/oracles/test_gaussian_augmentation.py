"""Gaussian augmentation against the noise that was asked for."""

from dataclasses import replace

import torch

from roadworthy.core.dataset import Task
from roadworthy.core.progress import Silent
from roadworthy.recipes import CNN, MLP
from roadworthy.strategies import GaussianAugmentation
from tests.toy_data import toy


def noise_of(strategy, data, recipe, x):
    (augment,) = strategy.apply(recipe.plan(data, data.train, 0), Silent()).augment
    torch.manual_seed(0)
    return augment(x) - x


def test_images_get_noise_of_the_asked_size_within_valid_values():
    data = toy(Task.NOMINAL, "image")
    x = torch.full((500, 1, 8, 8), 0.5)
    noise = noise_of(GaussianAugmentation(std=0.1, share=1.0), data, CNN(), x)
    assert abs(noise.std() - 0.1) < 0.001  # 32,000 draws
    assert abs(noise.mean()) < 0.002
    far = noise_of(GaussianAugmentation(std=0.4, share=1.0), data, CNN(), x) + x
    assert far.min() == 0
    assert far.max() == 1


def test_the_asked_share_of_the_rows_gets_noise():
    data = toy(Task.NOMINAL, "image")
    noise = noise_of(
        GaussianAugmentation(share=0.25), data, CNN(), torch.full((4000, 1, 8, 8), 0.5)
    )
    is_noisy = (noise != 0).flatten(1)
    assert torch.equal(is_noisy.any(1), is_noisy.all(1))
    assert abs(is_noisy[:, 0].float().mean() - 0.25) < 0.03  # four standard errors


def test_numbers_of_a_table_get_noise_in_standard_deviations_and_categories_none():
    data = toy(Task.NOMINAL, "tabular")
    wide = tuple(replace(feature, low=-100.0, high=100.0) for feature in data.features)
    scaled = (replace(wide[0], scale=3.0), *wide[1:])
    data = replace(data, features=scaled)
    strategy = GaussianAugmentation(std=0.5, share=1.0)
    noise = noise_of(strategy, data, MLP(), data.train.x[:1].repeat(8000, 1))
    expected = torch.tensor([1.5, 0.5, 0.5, 0.5, 0.0])
    assert torch.allclose(noise.std(0), expected, rtol=0.05)
    assert bool((noise[:, 4] == 0).all())
