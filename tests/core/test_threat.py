import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.core.errors import InputError
from roadworthy.core.threat import Ball

NUMBER = st.floats(-1e3, 1e3, width=32, allow_subnormal=False)
NOTHING = 1e-30  # next to it, products of numbers lose their digits
ROWS = st.lists(st.lists(NUMBER, min_size=4, max_size=4), min_size=1, max_size=3).map(torch.tensor)
BALLS = st.builds(
    Ball,
    norm=st.sampled_from(["linf", "l2", "l1", "l0"]),
    eps=st.floats(1e-3, 1e2),
    scale=st.sampled_from([(), (1.0, 0.1, 10.0, 2.0)]),
    mutable=st.sampled_from([(), (True, False, True, True)]),
)
PROPERTY = settings(max_examples=60, deadline=None)


@PROPERTY
@given(BALLS, ROWS)
def test_projecting_ends_inside(ball, delta):
    inside = ball.project(delta)
    assert ball.contains(inside).all()
    assert (ball.distance(inside) <= ball.eps * (1 + 1e-5)).all()


@PROPERTY
@given(BALLS, ROWS)
def test_projecting_twice_is_projecting_once(ball, delta):
    once = ball.project(delta)
    # the second time, a length that rounding put on the edge may shrink by a hair again
    assert torch.allclose(ball.project(once), once, rtol=3e-6, atol=NOTHING)


@PROPERTY
@given(BALLS, ROWS)
def test_what_is_inside_stays(ball, delta):
    free = ball.project(delta)  # without what fixed features did
    half = free / 2
    assert torch.allclose(ball.project(half), half, rtol=1e-6, atol=NOTHING)


@PROPERTY
@given(BALLS.filter(lambda ball: ball.norm != "l0"), ROWS, ROWS)  # the L0 ball is not convex
def test_projecting_brings_no_two_points_farther_apart(ball, first, second):
    n = min(len(first), len(second))
    unit = ball.unit(first)

    def apart(a, b):
        gap = torch.where(unit > 0, (a - b) / unit, torch.zeros_like(a))
        return gap.double().norm(dim=1)

    before = apart(first[:n], second[:n])
    after = apart(ball.project(first[:n]), ball.project(second[:n]))
    # the hair by which the radius is shortened, and rounding of numbers up to 1e4 units
    assert (after <= before * (1 + 1e-5) + 1e-5 * ball.eps + 1e-3).all()


@PROPERTY
@given(BALLS, ROWS, st.floats(1e-3, 50))
def test_each_sample_can_have_its_own_radius(ball, delta, eps):
    each = eps * torch.arange(1.0, len(delta) + 1)
    assert (ball.distance(ball.project(delta, each)) <= each * (1 + 1e-5)).all()


@PROPERTY
@given(BALLS, ROWS)
def test_a_ball_contains_what_is_nearer_than_its_radius(ball, delta):
    is_near = ball.distance(delta) < ball.eps * 0.999
    is_far = ball.distance(delta) > ball.eps * 1.001 + 1e-6
    assert ball.contains(delta)[is_near].all()
    assert not ball.contains(delta)[is_far].any()


def test_distances_are_in_units_of_each_feature():
    delta = torch.tensor([[3.0, 40.0]])
    assert Ball("l2", 1.0, scale=(1.0, 10.0)).distance(delta).tolist() == [5.0]
    assert Ball("linf", 1.0, scale=(1.0, 10.0)).distance(delta).tolist() == [4.0]


def test_a_fixed_feature_that_moved_is_infinitely_far():
    ball = Ball("linf", 1.0, mutable=(True, False))
    assert ball.distance(torch.tensor([[0.5, 0.1]])).tolist() == [float("inf")]
    assert ball.distance(torch.tensor([[0.5, 0.0]])).tolist() == [0.5]
    assert ball.project(torch.tensor([[0.5, 0.1]])).tolist() == [[0.5, 0.0]]


def test_images_are_measured_over_all_their_pixels():
    delta = torch.full((2, 3, 4, 4), 0.5)
    assert torch.allclose(Ball("l2", 1.0).distance(delta), torch.full((2,), 0.5 * 48**0.5))


@pytest.mark.parametrize("eps", [-0.1, float("nan"), float("inf")])
def test_a_radius_must_be_a_number_from_zero(eps):
    with pytest.raises(InputError, match="eps must be"):
        Ball("l2", eps)


def test_an_unknown_norm_is_refused():
    with pytest.raises(InputError, match="linf, l2, l1, l0"):
        Ball("l7", 1.0)
