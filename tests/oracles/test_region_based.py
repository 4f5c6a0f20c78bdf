from dataclasses import replace

import pytest
import torch
from torch.nn.functional import softplus

from roadworthy.core.adaptive import adaptive
from roadworthy.core.errors import InputError
from roadworthy.core.guard import protect
from roadworthy.core.model import PassCount
from roadworthy.core.progress import Silent
from roadworthy.guards import RegionBased
from roadworthy.guards.region_based import Region
from tests.guard_subjects import digits, held, undefended
from tests.models import LinearModel

STEEP = 4.0


def threshold_at(middle):
    """Give a model of one pixel: class 1 above the middle."""
    weight = torch.tensor([[0.0, STEEP]])
    return LinearModel(weight, torch.tensor([0.0, -STEEP * middle]), (1, 1, 1))


def pixels(*values):
    return torch.tensor(values).reshape(-1, 1, 1, 1)


def evenly(n):
    return ((torch.arange(n) + 0.5) / n).reshape(n, 1, 1, 1)


def test_vote_shares_are_the_part_of_the_cube_on_each_side():
    voting = Region(threshold_at(0.5), evenly(1000), 0.2)
    x = pixels(0.2, 0.31, 0.45, 0.6, 0.75)
    above = ((x.flatten() + 0.2 - 0.5) / 0.4).clamp(0, 1)
    # one vote is added to each class, and the cube is cut into thousandths
    torch.testing.assert_close(voting(x).exp()[:, 1], above, atol=2.1e-3, rtol=0)


def test_the_cube_ends_where_pixels_do():
    voting = Region(threshold_at(0.1), evenly(1000), 0.2)
    shares = voting(pixels(0.0)).exp()
    assert shares[0, 1].item() == pytest.approx(0.5, abs=2e-3)  # of [0, 0.2], not of [-0.2, 0.2]


def test_an_attacker_gets_the_same_answers_and_the_mean_probabilitys_gradient():
    voting, x = Region(threshold_at(0.5), evenly(2000), 0.2), pixels(0.45, 0.6).requires_grad_()
    seen = adaptive(voting)
    answers = seen(x)
    assert torch.equal(answers.argmax(1), voting(x).argmax(1))
    torch.testing.assert_close(answers, voting(x))
    (gradient,) = torch.autograd.grad(answers[:, 1].sum(), x)
    # the mean of a logistic function over [x - r, x + r] is a difference of softplus
    y = x.detach().double().flatten()
    ends = [STEEP * (y + side - 0.5) for side in (0.2, -0.2)]
    mean = (softplus(ends[0]) - softplus(ends[1])) / (0.4 * STEEP)
    slope = (ends[0].sigmoid() - ends[1].sigmoid()) / 0.4
    torch.testing.assert_close(gradient.flatten().double(), slope / mean, atol=1e-3, rtol=1e-3)


def test_each_point_is_a_pass():
    voting = Region(threshold_at(0.5), evenly(30), 0.2)
    seen, x = adaptive(voting), pixels(0.45, 0.6).requires_grad_()
    seen(x).sum().backward()
    assert seen.passes == PassCount(60, 60)


def test_the_radius_is_the_largest_that_costs_no_training_row():
    data = digits()[0]
    x = torch.cat([torch.full((5,), 0.2), torch.full((5,), 0.85)]).reshape(-1, 1, 1, 1)
    y = torch.cat([torch.zeros(5), torch.ones(5)]).long()
    rows = replace(data.train, x=x, y=y, ids=torch.arange(10))
    small = replace(data, splits=(rows, data.test), classes=("low", "high"))
    guard = RegionBased(points=999, largest=1.0, step=0.05)
    learned = guard.learn(threshold_at(0.6), small, rows, 0, Silent())
    # a cube around 0.2 that ends at 0.2 + r, cut off at 0, has its middle above 0.6 at r = 1 only;
    # that around 0.85 reaches from 0.85 - r to 1, with its middle below 0.6 from r = 0.65 on
    assert learned["radius"].item() == pytest.approx(0.65, abs=0.051)


def test_settings_that_make_no_sense_are_refused():
    data, model, *_ = digits()
    for wrong in (RegionBased(points=0), RegionBased(step=0.0), RegionBased(step=0.5)):
        with pytest.raises(InputError, match="at least one point"):
            protect(model, wrong, data)


def test_it_stops_changes_made_without_it_and_none_made_against_it():
    guard = RegionBased(points=30, step=0.05)
    assert held(guard, 0.15, rows=30)[1] >= undefended(0.15) + 0.4
    clean, static, knowing = held(guard, 0.2, rows=30)
    assert clean == 1
    assert static >= 0.15
    assert knowing <= static / 2
