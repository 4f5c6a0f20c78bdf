import torch

from roadworthy.attacks.evasion.boundary import Boundary
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import linear

WIDE = (torch.tensor(-50.0), torch.tensor(50.0))


def test_the_boundary_attack_comes_within_two_percent_of_a_hyperplane():
    """In 20 dimensions, by 400 steps: about 2 900 labels."""
    model, x, y, margin = linear((20,), 8)
    result = run_attack(Boundary(steps=400), model, x, y, Ball("l2", 1.0), bounds=WIDE)
    assert result.success.all()
    assert (result.distance <= margin["l2"] * 1.02).all()


def test_its_step_to_the_original_shrinks_at_the_nearest_error():
    model, x, y, margin = linear((20,), 4)
    short, long = (
        run_attack(Boundary(steps=steps), model, x, y, Ball("l2", 1.0), bounds=WIDE)
        for steps in (30, 400)
    )
    assert (short.distance > margin["l2"] * 1.02).any()
    assert (long.distance <= short.distance).all()
