from functools import cache

import pytest
import torch

from roadworthy.core.errors import InputError
from roadworthy.core.guard import protect
from roadworthy.guards import PixelDefend
from roadworthy.guards.pixel_defend import purify
from roadworthy.networks.pixel_cnn import PixelCNN
from tests.guard_subjects import digits, held, undefended

SMALL = {"width": 16, "blocks": 2, "levels": 17}


@cache
def learned():
    """Give a PixelCNN that learned the digits' training images."""
    data, model, *_ = digits()
    network = PixelCNN(1, **{name: SMALL[name] for name in ("levels", "width", "blocks")})
    untrained = network.log_likelihood(data.test.x).mean().item()
    network.load_state_dict(protect(model, PixelDefend(**SMALL), data).learned)
    return network.requires_grad_(False), untrained


def test_images_that_it_did_not_see_became_likelier():
    network, untrained = learned()
    images = digits()[0].test.x
    now = network.log_likelihood(images).mean().item()
    assert now >= untrained + 1
    # the same values in another order stay unlikely
    order = torch.randperm(images.numel(), generator=torch.Generator().manual_seed(0))
    noise = images.flatten()[order].reshape(images.shape)
    assert network.log_likelihood(noise).mean().item() <= now - 0.5


def test_pixels_stay_within_eps_and_none_gets_less_likely_given_those_before_it():
    network, _ = learned()
    x = digits()[2][:20]
    x = (x + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    pure = purify(network, x, 0.1)
    assert (pure - x).abs().max() <= 0.1 + 1e-6
    assert not torch.equal(pure, x)
    likely = network(pure).log_softmax(1)
    new, old = (likely.gather(1, network.nearest_level(each)[:, None])[:, 0] for each in (pure, x))
    assert (new >= old - 1e-4).all()


def test_the_value_is_the_likeliest_of_all_within_eps():
    network, _ = learned()
    x = digits()[2][:5]
    pure, values = purify(network, x, 0.2), torch.linspace(0, 1, 17)
    likely = network(pure).log_softmax(1)
    near = (values[:, None, None, None] - x[:, None]).abs() <= 0.2
    best = likely.masked_fill(~near, -torch.inf).amax(1)
    torch.testing.assert_close(
        likely.gather(1, network.nearest_level(pure)[:, None])[:, 0], best, atol=1e-4, rtol=0
    )


def test_no_room_means_no_change():
    network, _ = learned()
    x = digits()[2][:5] * 0.99
    assert torch.equal(purify(network, x, 1e-6), x)


def test_settings_that_make_no_sense_are_refused():
    data, model, *_ = digits()
    for wrong in (PixelDefend(eps=0), PixelDefend(levels=1)):
        with pytest.raises(InputError, match="2 to 256 levels"):
            protect(model, wrong, data)


def test_it_stops_changes_made_without_it_and_larger_ones_made_against_it_get_through():
    guard = PixelDefend(**SMALL, eps=0.1)
    assert held(guard, 0.15, rows=30)[1] >= undefended(0.15) + 0.3
    assert held(guard, 0.2, rows=30)[2] <= 0.15
