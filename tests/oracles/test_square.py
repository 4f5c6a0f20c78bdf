import pytest
import torch

from roadworthy.attacks.evasion.square import Square
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import CLASSES, Network, draw, linear


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("queries", [1, 2, 60, 143])
def test_square_asks_as_many_queries_as_it_was_given(norm, queries):
    model, x, y, margin = linear((3, 8, 8), 3)
    threat = Ball(norm, float(margin[norm].min()) / 2)
    wide = torch.tensor(-50.0), torch.tensor(50.0)
    found = run_attack(Square(queries), model, x, y, threat, bounds=wide)
    assert not found.success.any()
    assert (found.forward == 1 + queries).all()  # the first pass looks at the input


def test_square_moves_every_pixel_to_an_end_of_the_ball():
    model, x = Network(), 0.3 + 0.4 * draw(8, 3, 8, 8, seed=1).sigmoid()
    y = model.forward(x).argmax(1)
    found = run_attack(Square(200), model, x, y, Ball("linf", 0.1))
    moved = (found.x - x)[found.success].abs()
    assert len(moved)
    assert torch.allclose(moved, torch.full_like(moved, 0.1))


def test_square_comes_near_the_best_corner_of_a_linear_model():
    model, x, y, margin = linear((3, 8, 8), 3)
    wide = torch.tensor(-50.0), torch.tensor(50.0)
    for index in range(3):  # each has its own distance to the other class
        threat = Ball("linf", 1.1 * float(margin["linf"][index]))
        one = slice(index, index + 1)
        assert run_attack(Square(3000), model, x[one], y[one], threat, bounds=wide).success.all()


def test_square_follows_the_margin_to_a_class_that_it_is_told():
    model, x = Network(), draw(8, 3, 8, 8, seed=1).sigmoid()
    y = model.forward(x).argmax(1)
    target = (y + 1) % CLASSES
    found = run_attack(Square(300), model, x, y, Ball("linf", 0.3), target=target)
    assert found.success.all()
    assert torch.equal(model.forward(found.x).argmax(1), target)
