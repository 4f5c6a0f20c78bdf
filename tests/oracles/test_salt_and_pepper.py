"""Salt-and-pepper noise against all sets of features of a small input."""

from itertools import combinations

import torch

from roadworthy.attacks import SaltAndPepper
from roadworthy.core.threat import Ball
from tests.attack_subjects import draw, trained
from tests.models import LinearModel


def fewest(w, x, lead):
    """Count the features that must go to the better end of [0, 1] to gain `lead`."""
    gain = torch.maximum(w * (1 - x), -w * x)
    for count in range(1, len(w) + 1):
        sets = combinations(gain.tolist(), count)
        if any(sum(chosen) > lead for chosen in sets):
            return count
    return None


def test_it_finds_the_fewest_features_of_a_small_input():
    w, x = draw(5, seed=1), draw(12, 5, seed=2).sigmoid()
    bias = 0.1 + (x @ w).amax()  # of class 0
    model = LinearModel(torch.stack([torch.zeros(5), w], 1), torch.stack([bias, bias * 0]), (5,))
    counts = [fewest(w, row, float(bias - row @ w)) for row in x]
    assert {1, 2} <= set(counts)
    result = SaltAndPepper(steps=1000)(model, x, torch.zeros(12).long(), Ball("l0", 1.0))
    for count, distance in zip(counts, result.distance.tolist(), strict=True):
        assert count is None or distance >= count
        if count in (1, 2):  # with more, all signs are seldom right by chance
            assert distance == count


def test_changed_features_are_at_the_ends_of_their_range_in_l0():
    model, x, y = trained()
    result = SaltAndPepper(steps=100)(model, x, y, Ball("l0", 1.0))
    assert result.success.all()
    moved = result.x[result.x != x]
    assert ((moved == 0) | (moved == 1)).all()


def test_more_queries_find_nearer_errors():
    model, x, y = trained()
    few, many = (
        SaltAndPepper(steps=steps)(model, x, y, Ball("l2", 1.0)).distance.median()
        for steps in (20, 400)
    )
    assert many < 0.8 * few
