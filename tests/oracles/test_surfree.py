import itertools

import pytest
import torch
from scipy.fft import dctn

from roadworthy.attacks.evasion.surfree import SurFree, _low_frequencies
from roadworthy.core.dataset import Task
from roadworthy.core.driver import HALVINGS, run_attack
from roadworthy.core.errors import InputError
from roadworthy.core.model import Model, ModelSpec, Offer
from roadworthy.core.threat import Ball
from tests.attack_subjects import Network, draw, linear, trained

WIDE = (torch.tensor(-50.0), torch.tensor(50.0))
L2 = Ball("l2", 1.0)


class Sphere(Model):
    """Tells the inside of a sphere around 0, class 0, from the outside; by labels."""

    def __init__(self, features, radius):
        spec = ModelSpec("sphere", Task.NOMINAL, (features,), 2, frozenset({Offer.LABELS}), "s")
        super().__init__(spec)
        self.radius = radius

    def forward(self, x):
        return torch.nn.functional.one_hot((x.norm(dim=1) > self.radius).long(), 2).float()


class Watched(SurFree):
    """Notes the state after each query."""

    def step(self, model, state, look, threat):
        self.seen.append(super().step(model, state, look, threat))
        return self.seen[-1]


def watched(model, x, y, steps, bounds=None, **settings):
    """Give the states after each query."""
    attack = Watched(steps=steps, **settings)
    object.__setattr__(attack, "seen", [])
    run_attack(attack, model, x, y, L2, bounds=bounds)
    return attack.seen


def test_surfree_comes_within_two_percent_of_a_hyperplane():
    """In 20 dimensions, by 363 labels."""
    model, x, y, margin = linear((20,), 8)
    result = run_attack(SurFree(steps=300), model, x, y, L2, bounds=WIDE)
    assert result.success.all()
    assert (result.distance <= margin["l2"] * 1.02).all()


@pytest.mark.parametrize("features", [2, 3])
def test_it_finds_the_foot_of_the_perpendicular_on_a_line_and_a_plane(features):
    model, x, y, _ = linear((features,), 8)
    w = model.weight[:, 0]
    foot = x - ((x @ w) / (w @ w))[:, None] * w
    result = run_attack(SurFree(steps=300), model, x, y, L2, bounds=WIDE)
    distance = (foot - x).norm(dim=1)
    # off by e along the plane, a point is farther by e^2 / 2 only
    assert torch.allclose(result.distance, distance, rtol=1e-4)
    assert ((result.x - foot).norm(dim=1) <= 0.02 * distance).all()


def test_it_finds_the_nearest_point_of_a_sphere():
    x = draw(8, 5, seed=1)
    x = x / x.norm(dim=1, keepdim=True) * torch.linspace(1.0, 6.0, 8)[:, None]
    model, y = Sphere(5, 8.0), torch.zeros(8, dtype=torch.int64)
    result = run_attack(SurFree(steps=1000), model, x, y, L2, bounds=WIDE)
    nearest = 8.0 - x.norm(dim=1)
    assert (result.distance >= nearest * (1 - 1e-5)).all()
    assert (result.distance <= nearest * 1.01).all()


def test_in_each_plane_it_finds_the_nearest_point_of_a_hyperplane():
    """There it is as near as the share of the normal that the plane holds."""
    model, x, y, margin = linear((20,), 4)
    normal = model.weight[:, 0] / model.weight[:, 0].norm()
    states = watched(model, x, y, 300, WIDE, tolerance=1e-6)
    for before, after in itertools.pairwise(states):
        moved = (after.nearest != before.nearest).any(1)
        change = before.nearest - x
        along = (change @ normal) / change.norm(dim=1), before.direction @ normal
        expected = margin["l2"] / torch.stack(along).norm(dim=0)
        found = (after.nearest - x).norm(dim=1)
        # where its circle begins a little behind the boundary, it ends a little beside the point
        assert torch.allclose(found[moved], expected[moved], rtol=1e-3)


def test_its_nearest_error_is_never_farther_than_before():
    model, x, y = trained()
    states = watched(model, x[:10], y[:10], 400)
    distance = torch.stack([(s.nearest - s.origin).flatten(1).norm(dim=1) for s in states])
    assert (distance[1:] <= distance[:-1] * (1 + 1e-5)).all()
    assert (distance[-1] < 0.75 * distance[0]).all()


def test_more_queries_never_find_less():
    model, x, y = trained()
    runs = [run_attack(SurFree(steps=n), model, x[:10], y[:10], L2) for n in (50, 200, 800)]
    for few, more in itertools.pairwise(runs):
        # the driver brings both to the boundary, each to within a part of its length
        assert (more.distance <= few.distance * (1 + 2.0**-HALVINGS)).all()


def test_its_queries_are_one_per_step_and_63_more():
    model, x, y, _ = linear((20,), 4)
    for steps in (1, 10, 100):
        result = run_attack(SurFree(steps=steps), model, x, y, L2, bounds=WIDE)
        assert (result.forward == steps + 63).all()
        assert (result.backward == 0).all()


def test_what_it_looks_at_is_on_the_circle_over_the_way_to_the_input():
    """From each of its points, the input and the nearest error are seen at a right angle."""
    model, x, y, _ = linear((20,), 4)
    for state in watched(model, x, y, 100, WIDE):
        to_input, to_error = state.x - state.origin, state.x - state.nearest
        length = (state.nearest - state.origin).norm(dim=1)
        assert ((to_input * to_error).sum(1).abs() <= 1e-4 * length**2).all()


def test_its_directions_stay_at_right_angles_when_the_oldest_are_forgotten():
    model, x, y, _ = linear((20,), 4)
    state = watched(model, x, y, 300, WIDE)[-1]
    assert (state.count > 3 * state.memory.shape[1]).all()
    products = state.memory @ state.memory.mT
    assert torch.allclose(products, torch.eye(len(products[0])).expand_as(products), atol=1e-5)


def test_an_image_of_low_frequencies_has_no_others():
    """By the cosine transform of scipy; the lower half and some of the diagonal."""
    images = _low_frequencies(draw(2, 3, 32), draw(2, 3, 8, 8, seed=1))
    spectrum = torch.tensor(dctn(images.numpy(), axes=(2, 3), norm="ortho"))
    place = torch.arange(8)
    is_high = place[:, None] + place > 7
    assert spectrum[:, :, is_high].abs().amax() < 1e-5
    assert (spectrum[:, :, ~is_high].abs() > 1e-5).sum(2).ge(32).all()


def test_it_needs_no_more_than_labels():
    x = draw(8, 3, 8, 8, seed=1).sigmoid()
    graded, labeled = Network(), Network(frozenset({Offer.LABELS}))
    plain, y = labeled.forward, graded.forward(x).argmax(1)
    labeled.forward = lambda x: torch.nn.functional.one_hot(plain(x).argmax(1), 4).float()
    first, second = (run_attack(SurFree(steps=100), model, x, y, L2) for model in (graded, labeled))
    assert torch.equal(first.x, second.x)


def test_a_class_to_reach_without_an_input_of_it_is_refused():
    model, x, y, _ = linear((20,), 4)
    with pytest.raises(InputError, match="pool"):
        run_attack(SurFree(), model, x, y, L2, target=1 - y)
