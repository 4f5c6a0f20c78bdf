"""Interval and linear bounds of networks against points, formulas and each other."""

import copy
from itertools import pairwise, product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from roadworthy.attacks import PGD
from roadworthy.core.dataset import Task
from roadworthy.core.driver import run_attack
from roadworthy.core.errors import NotAssessed
from roadworthy.core.progress import Silent
from roadworthy.core.threat import Ball
from roadworthy.networks.tabular_encoder import TabularEncoder
from roadworthy.recipes import MLP
from roadworthy.verification import (
    Region,
    bounds,
    certified,
    certified_radius,
    crown,
    interval_propagation,
    margins,
    unroll,
)
from tests.toy_data import toy

BOTH = pytest.mark.parametrize("method", [interval_propagation, crown], ids=["ibp", "crown"])
ROUNDING = 1e-9  # bounds are made in double precision


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def seeded(make):
    torch.manual_seed(0)
    return make().double().eval().requires_grad_(False)


def box(*shape, width=0.1, n=4):
    center = torch.rand(n, *shape, dtype=torch.float64)
    return center - width, center + width


def inside(low, high, count=500):
    """Draw points of a box: half of them corners."""
    share = torch.rand(count, *low.shape, dtype=low.dtype)
    share[::2] = share[::2].round()
    return low + share * (high - low)


def assert_sound(network, low, high, method):
    lower, upper = bounds(network, low, high, method)
    for points in inside(low, high):
        outputs = network(points)
        assert (outputs >= lower - ROUNDING).all()
        assert (outputs <= upper + ROUNDING).all()
    return lower, upper


def convolutional():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, stride=2, padding=1),
        nn.GroupNorm(2, 6),
        nn.ReLU(),
        nn.Dropout(),
        nn.Conv2d(6, 6, 1),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(6, 5),
        nn.ReLU(),
        nn.Linear(5, 3),
    )


def perceptron(sizes=(6, 12, 12, 3)):
    layers = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@BOTH
def test_every_known_step_is_bounded_soundly(method):
    network = seeded(convolutional)
    network[1].running_var.uniform_(0.5, 2)
    network[1].weight.uniform_(-1, 1)
    network[5].weight.uniform_(-1, 1)
    assert_sound(network, *box(2, 8, 8), method)


@BOTH
def test_overlapping_and_padded_pools_are_bounded_soundly(method):
    for pool in (nn.MaxPool2d(3, 2), nn.MaxPool2d(3, 2, padding=1), nn.MaxPool2d(2, 1)):
        network = _pooled(pool)
        assert_sound(network, *box(1, 7, 7, width=0.05), method)


def _pooled(pool):
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), pool, nn.Flatten())
    width = body(torch.zeros(1, 1, 7, 7)).shape[1]
    return nn.Sequential(*body, nn.Linear(width, 3)).double().requires_grad_(False)


def test_intervals_are_exact_for_one_linear_layer():
    network = seeded(lambda: nn.Sequential(nn.Linear(5, 3)))
    low, high = box(5)
    lower, upper = bounds(network, low, high, interval_propagation)
    ends = torch.stack([low, high])
    corners = torch.stack(
        [
            network(torch.stack([ends[pick[j], :, j] for j in range(5)], 1))
            for pick in product((0, 1), repeat=5)
        ]
    )
    torch.testing.assert_close(lower, corners.amin(0))
    torch.testing.assert_close(upper, corners.amax(0))


def test_crown_is_exact_for_a_linear_network_where_intervals_are_not():
    network = seeded(lambda: nn.Sequential(nn.Linear(5, 8), nn.Linear(8, 8), nn.Linear(8, 3)))
    low, high = box(5)
    whole = nn.Sequential(nn.Linear(5, 3)).double()
    with torch.no_grad():
        zero = torch.zeros(1, 5, dtype=torch.float64)
        whole[0].bias.copy_(network(zero)[0])
        whole[0].weight.copy_((network(torch.eye(5).double()) - network(zero)).T)
    exact = bounds(whole, low, high, interval_propagation)
    for ours, true in zip(bounds(network, low, high, crown), exact, strict=True):
        torch.testing.assert_close(ours, true)
    assert (bounds(network, low, high, interval_propagation)[0] < exact[0] - 0.01).any()


def test_a_ball_of_a_linear_network_is_bounded_exactly():
    network = seeded(lambda: nn.Sequential(nn.Linear(5, 6), nn.Linear(6, 2)))
    x = torch.rand(3, 5, dtype=torch.float64)
    everything = torch.tensor(-9.0), torch.tensor(9.0)
    region = Region.around(x, torch.full((3,), 0.3).double(), Ball("l2", 0.3), everything)
    y = network(x).argmax(1)
    normal = (network[1].weight @ network[0].weight)[0] - (network[1].weight @ network[0].weight)[1]
    logits = network(x)
    lead = (logits[:, 0] - logits[:, 1]).abs()
    torch.testing.assert_close(
        margins(tuple(network), region, y, crown), lead - 0.3 * normal.norm()
    )


@given(
    st.lists(st.integers(1, 8), min_size=2, max_size=5),
    st.floats(1e-3, 1.0),
    st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_crown_is_sound_and_at_least_as_tight_for_any_perceptron(sizes, width, seed):
    torch.manual_seed(seed)
    network = perceptron(sizes).double().requires_grad_(False)
    low, high = box(sizes[0], width=width, n=2)
    loose = assert_sound(network, low, high, interval_propagation)
    tight = assert_sound(network, low, high, crown)
    assert (tight[0] >= loose[0] - ROUNDING).all()
    assert (tight[1] <= loose[1] + ROUNDING).all()


@pytest.mark.parametrize("kind", ["image", "tabular"])
@pytest.mark.parametrize("norm", ["linf", "l2"])
@BOTH
def test_no_point_and_no_attack_crosses_a_certified_radius(kind, norm, method):
    data = toy(Task.NOMINAL, kind)
    model = MLP(width=16, epochs=60).fit(data, data.train, 0, Silent())
    steps = unroll(model.inner.module, torch.float64)
    x, y, ball = data.test.x, data.test.y, Ball.of(data, norm, 1.0)
    radius = certified_radius(steps, x, y, ball, data.bounds, method)
    assert ((radius >= 0) <= (model(x).argmax(1) == y)).all()
    proven = (radius > 0).nonzero()[:, 0]
    assert len(proven) > 5
    unit = ball.unit(x)
    for row in proven.tolist():
        away = torch.randn(10_000 // len(proven), *x.shape[1:])
        away = (
            away.sign()
            if norm == "linf"
            else away / away.flatten(1).norm(dim=1).reshape(-1, *[1] * (x.ndim - 1))
        )
        points = x[row] + float(radius[row]) * away * unit
        low, high = torch.minimum(data.bounds[0], x[row]), torch.maximum(data.bounds[1], x[row])
        points = torch.minimum(torch.maximum(points, low), high)
        assert (model(points).argmax(1) == y[row]).all()
        found = run_attack(
            PGD(),
            model,
            x[row : row + 1],
            y[row : row + 1],
            Ball(norm, float(radius[row]), ball.scale, ball.mutable),
            bounds=data.bounds,
        )
        assert not found.success.any()


def normalized(groups, affine=True):
    layers = [nn.Conv2d(1, 4, 3, padding=1), nn.GroupNorm(groups, 4, affine=affine), nn.ReLU()]
    layers += [nn.Conv2d(4, 4, 3, stride=2), nn.GroupNorm(groups, 4), nn.ReLU(), nn.Flatten()]
    network = nn.Sequential(*layers, nn.Linear(16, 3))
    if affine:
        nn.init.uniform_(network[1].weight, -1, 1)
        nn.init.uniform_(network[1].bias, -1, 1)
    return network


def walked(network, low, high, count=60):
    """Walk in boxes to the lowest and highest of a random sum of outputs, by signs of gradients."""
    low, high = low.repeat(count, 1, 1, 1), high.repeat(count, 1, 1, 1)
    x = (low + torch.rand_like(low) * (high - low)).requires_grad_()
    way = torch.randn_like(network(x)) ** 3  # mostly one output
    for step in 0.5 ** torch.arange(1.0, 12.0):
        (gradient,) = torch.autograd.grad((way * network(x)).sum(), x)
        moved = x.detach() + step * (high - low) * gradient.sign()
        x = torch.minimum(torch.maximum(moved, low), high).requires_grad_()
    return x.detach().unflatten(0, (count, -1))


@pytest.mark.parametrize("width", [1e-3, 0.02, 0.5])
@pytest.mark.parametrize(("groups", "affine"), [(1, True), (2, True), (4, False)])
@BOTH
def test_no_point_crosses_the_bounds_of_a_network_with_group_normalization(
    method, groups, affine, width
):
    network = seeded(lambda: normalized(groups, affine))
    low, high = box(1, 6, 6, width=width, n=3)
    low[0], high[0] = 0.5 - width, 0.5 + width  # a flat image: only the constant keeps it finite
    lower, upper = bounds(network, low, high, method)
    # 10,000 of them drawn, 180 walked
    for points in (inside(low, high, 3334), walked(network, low, high)):
        outputs = network(points.flatten(0, 1)).unflatten(0, points.shape[:2])
        assert (outputs >= lower - ROUNDING).all()
        assert (outputs <= upper + ROUNDING).all()


@pytest.mark.parametrize("affine", [True, False])
def test_group_normalization_is_its_two_steps(affine):
    for shape in ((5, 6), (5, 6, 3, 4)):
        norm = nn.GroupNorm(2, 6, affine=affine).double().requires_grad_(False)
        if affine:
            norm.weight.uniform_(-1, 1)
            norm.bias.uniform_(-1, 1)
        x = torch.randn(shape, dtype=torch.float64)
        torch.testing.assert_close(nn.Sequential(*unroll(norm))(x), norm(x))


def test_what_crown_loses_on_group_normalization_shrinks_with_the_square_of_the_box():
    network = seeded(lambda: nn.Sequential(nn.Linear(6, 8), nn.GroupNorm(2, 8), nn.Linear(8, 1)))
    x = torch.rand(5, 6, dtype=torch.float64).requires_grad_()
    (slope,) = torch.autograd.grad(network(x).sum(), x)
    x = x.detach()
    gaps = []
    for width in (1e-3, 1e-4):
        lower, _ = bounds(network, x - width, x + width, crown)
        worst = network(x - width * slope.sign())  # the lowest of all, to first order
        gaps.append(float((worst - lower).mean()))
    assert gaps[0] == pytest.approx(100 * gaps[1], rel=0.2)
    intervals, _ = bounds(network, x - 1e-4, x + 1e-4, interval_propagation)
    worst = network(x - 1e-4 * slope.sign())
    assert (worst - intervals).mean() > 100 * gaps[1]


def test_a_code_that_may_change_may_be_any_between():
    encoder = TabularEncoder([0, 3])
    encoder.center.fill_(1.0)
    encoder.scale.fill_(2.0)
    low, high = torch.tensor([[0.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0, 1.0], [3.0, 2.0]])
    lower, upper = bounds(nn.Sequential(encoder), low, high, interval_propagation)
    assert lower.tolist() == [[-0.5, 0, 0, 0], [-0.5, 0, 0, 1]]
    assert upper.tolist() == [[0.0, 1, 1, 0], [1.0, 0, 0, 1]]
    for ours, other in zip(
        bounds(nn.Sequential(encoder), low, high, crown), (lower, upper), strict=True
    ):
        torch.testing.assert_close(ours, other)


def test_certified_is_the_margins_sign():
    network = nn.Sequential(nn.Linear(2, 2, bias=False)).requires_grad_(False)
    network[0].weight.copy_(torch.eye(2))
    x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([0])
    # the classes meet where both inputs are 1/2
    for norm, edge in (("linf", 0.5), ("l2", 0.5**0.5)):
        assert certified(network, x, y, edge - 1e-3, crown, norm).all()
        assert not certified(network, x, y, edge + 1e-3, crown, norm).any()
        assert not certified(network, x, 1 - y, edge / 2, crown, norm).any()


class Twice(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


def test_what_is_not_known_is_refused():
    for odd in (Twice(2, 2), nn.LSTM(2, 2), nn.Sequential(nn.Softmax(1))):
        with pytest.raises(NotAssessed, match="no bounds are known for"):
            unroll(odd)
    hooked = nn.Linear(2, 2)
    hooked.register_forward_hook(lambda *given: given[2] + 1)
    with pytest.raises(NotAssessed, match="hook"):
        unroll(nn.Sequential(copy.copy(hooked)))
    with pytest.raises(NotAssessed, match="settings"):
        unroll(nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"))
    with pytest.raises(NotAssessed, match="not for l1"):
        Region.around(torch.zeros(1, 2), torch.ones(1), Ball("l1", 1.0), (torch.tensor(0.0),) * 2)


class Written(nn.Module):
    """A network as most people write them, with functions between its layers."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU())
        self.middle, self.head = nn.Linear(12, 6), nn.Linear(6, 3)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.body(x), 3, stride=2)
        x = torch.relu(self.middle(torch.flatten(x, 1)))
        return self.head(nn.functional.relu(x, inplace=True).tanh())


class Forked(Written):
    def forward(self, x):
        x = super().forward(x)
        return x + x.relu()


class Reshaped(Written):
    def forward(self, x):
        return super().forward(x).flatten()


class Chosen(Written):
    def forward(self, x):
        return super().forward(x) if x.sum() > 0 else x


@BOTH
def test_a_network_written_as_code_is_bounded_soundly(method):
    network = seeded(Written)
    kinds = [type(step).__name__ for step in unroll(network)]
    assert kinds == [
        *("Conv2d", "ReLU", "MaxPool2d", "Flatten", "Linear", "ReLU", "ReLU", "Tanh", "Linear")
    ]
    assert_sound(network, *box(1, 7, 7, width=0.05), method)


def test_code_that_is_no_chain_is_refused():
    for odd in (Forked(), Chosen(), Reshaped()):
        with pytest.raises(NotAssessed, match="bounds are known for"):
            unroll(odd)
