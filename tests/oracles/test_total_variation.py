import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from roadworthy.guards import TotalVariation
from roadworthy.images.total_variation import smoothest
from tests.guard_subjects import held, undefended

TINY = 1e-14  # under each root, so that scipy meets no corner; it adds less than 1e-6


def norm(values, axis=None):
    squares = values.square()
    return ((squares.sum() if axis is None else squares.sum(axis)) + TINY).sqrt()


def objective(z, x, is_kept, weight):
    variation = norm(z.diff(dim=0), 1).sum() + norm(z.diff(dim=1), 0).sum()
    return norm((z - x) * is_kept) + weight * variation


def least(x, is_kept, weight):
    """Minimize by brute force from several starts."""

    def value(flat):
        z = torch.tensor(flat.reshape(x.shape), requires_grad=True)
        found = objective(z, x, is_kept, weight)
        found.backward()
        return found.item(), z.grad.numpy().ravel()

    options = {"maxiter": 3000, "maxfun": 5000, "ftol": 1e-15, "gtol": 1e-10}
    starts = np.random.default_rng(0).random((2, x.numel()))
    return min(minimize(value, s, jac=True, method="L-BFGS-B", options=options).fun for s in starts)


@pytest.mark.parametrize("weight", [0.03, 0.2, 0.5])
def test_no_smoother_image_is_found_by_brute_force(weight):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(2, 1, 4, 5, dtype=torch.float64, generator=generator)
    is_kept = torch.rand(2, 1, 4, 5, generator=generator) > 0.4
    z = smoothest(x, is_kept, weight, steps=2000)
    for k in range(2):
        found = objective(z[k, 0], x[k, 0], is_kept[k, 0], weight).item()
        assert found == pytest.approx(least(x[k, 0], is_kept[k, 0], weight), abs=1e-5)
        # the usual number of steps comes within a percent
        usual = smoothest(x, is_kept, weight)
        assert objective(usual[k, 0], x[k, 0], is_kept[k, 0], weight).item() <= 1.01 * found


def test_an_image_of_one_color_is_left_alone():
    x = torch.full((1, 3, 6, 6), 0.4)
    is_kept = torch.rand(1, 1, 6, 6, generator=torch.Generator().manual_seed(0)) > 0.5
    torch.testing.assert_close(smoothest(x, is_kept, 0.1), x)


def test_dropped_pixels_do_not_matter():
    x = torch.rand(1, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    is_kept = torch.rand(1, 1, 6, 6, generator=torch.Generator().manual_seed(1)) > 0.5
    other = torch.where(is_kept, x, 1 - x)
    torch.testing.assert_close(
        smoothest(x, is_kept, 0.1, 2000), smoothest(other, is_kept, 0.1, 2000)
    )


def test_it_stops_changes_made_without_it_and_fewer_made_against_it():
    _, static, knowing = held(TotalVariation(), 0.15, rows=30)
    assert static >= undefended(0.15) + 0.3
    assert knowing <= static - 0.15
