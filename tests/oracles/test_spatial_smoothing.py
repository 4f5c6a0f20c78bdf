import pytest
import torch
from scipy import ndimage

from roadworthy.core.guard import protect
from roadworthy.core.model import Offer
from roadworthy.guards import SpatialSmoothing
from tests.guard_subjects import digits, held


@pytest.mark.parametrize("window", [1, 2, 3, 4, 5])
def test_medians_are_those_of_scipy_with_the_same_borders(window):
    x = torch.rand(2, 3, 7, 9, generator=torch.Generator().manual_seed(0))
    expected = ndimage.median_filter(x.numpy(), size=(1, 1, window, window), mode="reflect")
    assert torch.equal(SpatialSmoothing(window=window).smoothed(x), torch.from_numpy(expected))


def test_the_derivative_leads_to_the_pixel_that_is_the_median():
    x = torch.rand(1, 1, 5, 5, generator=torch.Generator().manual_seed(1)).requires_grad_()
    middle = SpatialSmoothing().smoothed(x)[0, 0, 2, 2]
    (gradient,) = torch.autograd.grad(middle, x)
    assert torch.equal(gradient, (x == middle).to(x))


def test_it_hides_no_gradient():
    data, model, *_ = digits()
    guarded = protect(model, SpatialSmoothing(), data)
    assert Offer.GRADIENTS in guarded.spec.offers
    assert not guarded.spec.obstacles


def test_it_stops_some_changes_made_without_it_and_fewer_made_against_it():
    _, static, knowing = held(SpatialSmoothing(), 0.1)
    assert static >= knowing + 0.2


def test_a_lone_pixel_is_removed():
    data, model, x, _ = digits()
    dot = torch.zeros_like(x[:1])
    dot[..., 3, 4] = 1
    guarded = protect(model, SpatialSmoothing(), data)
    assert torch.equal(guarded(dot), guarded(torch.zeros_like(dot)))
