import itertools

import torch

from roadworthy.attacks.evasion.local_search import LocalSearch
from roadworthy.core.dataset import Task
from roadworthy.core.driver import run_attack
from roadworthy.core.model import Model, ModelSpec
from roadworthy.core.threat import Ball
from tests.attack_subjects import draw
from tests.models import GRADED

SHAPE = (1, 3, 3)


class Plane(Model):
    """Two classes of 3 × 3 images, apart by a plane that no single pixel crosses."""

    def __init__(self):
        super().__init__(ModelSpec("plane", Task.NOMINAL, SHAPE, 2, GRADED, "plane"))
        self.weight = draw(9, seed=5)
        self.offset = float(self.weight.abs().sum()) / 4

    def forward(self, x):
        value = x.flatten(1) @ self.weight - 0.5 * self.weight.sum() + self.offset
        return torch.stack([value, -value], 1)


def test_local_search_sets_as_few_pixels_as_any_search_could():
    """Every set of pixels, smallest first, at every choice of ends."""
    model, x = Plane(), torch.full((1, *SHAPE), 0.5)
    x = x + 0.1 * draw(1, *SHAPE, seed=6)
    y = model.forward(x).argmax(1)
    least = next(
        size
        for size in range(1, 10)
        if any(
            model.forward(with_ends(x, pixels, ends)).argmax(1) != y
            for pixels in itertools.combinations(range(9), size)
            for ends in itertools.product([0.0, 1.0], repeat=size)
        )
    )
    assert least > 1
    result = run_attack(LocalSearch(probes=9, pixels=5), model, x, y, Ball("l0", 9.0))
    assert result.distance[0] == least


def with_ends(x, pixels, ends):
    changed = x.flatten(1).clone()
    changed[:, list(pixels)] = torch.tensor(ends)
    return changed.reshape(x.shape)


def test_it_finds_all_the_pixels_that_matter_among_many():
    weight = torch.zeros(1, 12, 12)
    weight[0, 3:5, 3:5] = 1.0
    model = Spots(weight)
    x = torch.full((1, 1, 12, 12), 0.4)
    result = run_attack(LocalSearch(probes=48), model, x, torch.tensor([0]), Ball("l0", 9.0))
    assert result.success.all()
    assert (result.x != x)[0].nonzero().tolist() == [
        [0, 3, 3], [0, 3, 4], [0, 4, 3], [0, 4, 4],
    ]  # fmt: skip


class Spots(Model):
    def __init__(self, weight):
        super().__init__(ModelSpec("spots", Task.NOMINAL, (1, 12, 12), 2, GRADED, "spots"))
        self.weight = weight

    def forward(self, x):
        lit = (x * self.weight).flatten(1).sum(1)
        return torch.stack([torch.full_like(lit, 3.9), lit], 1)  # only all four of them reach it
