import numpy as np
import pytest
import torch

from roadworthy.attacks.evasion.apgd import APGD
from roadworthy.attacks.schedules import checkpoints
from roadworthy.core.driver import Limits, run_attack
from roadworthy.core.threat import Ball
from tests.models import Echo, LinearModel

SIZE, ROWS = 30, 3


def most(norm, eps, slope, low, high):
    """Give by how much a linear function can rise within ball and box."""
    room = np.where(slope > 0, high, -low)
    slope = np.abs(slope)
    if norm == "linf":
        return (slope * np.minimum(room, eps)).sum()
    if norm == "l1":
        gain, left = 0.0, eps
        for place in np.argsort(-slope):
            length = min(left, room[place])
            gain, left = gain + slope[place] * length, left - length
        return gain
    short, far = 0.0, 1e3
    for _ in range(100):  # the change is min(t slope, room) for the t that makes it eps long
        middle = (short + far) / 2
        is_short = (np.minimum(middle * slope, room) ** 2).sum() < eps**2
        short, far = (middle, far) if is_short else (short, middle)
    return (slope * np.minimum(short * slope, room)).sum()


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.2), ("l2", 0.8), ("l1", 2.0)])
@pytest.mark.parametrize("loss", ["ce", "dlr"])
def test_apgd_finds_the_best_point_of_ball_and_box_on_a_linear_model(norm, eps, loss):
    draws = np.random.default_rng(0)
    slope, x = draws.normal(size=SIZE), draws.uniform(size=(ROWS, SIZE))
    gain = np.array([most(norm, eps, slope, -row, 1 - row) for row in x])
    # in L1 a step moves several features, so it only nears the point that fills one after another
    nearly = 0.95 if norm == "l1" else 0.98
    for share, is_beaten in ((nearly, True), (1.001, False)):
        # the margin of class 0 is a share of what the attacker can take off; class 2 never wins
        weight = torch.tensor(np.stack([-slope, 0 * slope, 0 * slope], 1))
        for row in range(ROWS):
            bias = torch.tensor([slope @ x[row] + share * gain[row], 0.0, -9.0])
            model = LinearModel(weight, bias, (SIZE,))
            point = torch.tensor(x[row : row + 1])
            result = run_attack(APGD(loss=loss), model, point, torch.tensor([0]), Ball(norm, eps))
            assert bool(result.success) is is_beaten


@pytest.mark.parametrize("targets", [1, 2, 4])
@pytest.mark.parametrize("loss", ["ce", "dlr"])
def test_apgd_aims_at_each_of_the_likely_classes(targets, loss):
    # classes 0 and 1 stay where they are, class 2 can rise above both
    x, y = torch.tensor([[5.0, 3.0, 2.0, 0.0, -1.0]]), torch.tensor([0])
    low, high = torch.tensor([5.0, 3, -9, -9, -9]), torch.tensor([5.0, 3, 9, 1, 1])
    attack = APGD(loss=loss, targets=targets)
    result = run_attack(attack, Echo(5), x, y, Ball("linf", 3.5), bounds=(low, high))
    assert bool(result.success) is (targets > 1)
    assert int(result.x.argmax(1)) == (2 if targets > 1 else 0)


def test_the_runs_of_a_sample_share_what_it_may_use_and_end_together():
    x, y = torch.tensor([[5.0, 3.0, 2.0], [5.0, 3.0, 2.0]]), torch.tensor([0, 0])
    bounds = torch.tensor([5.0, 3.0, -9.0]), torch.tensor([5.0, 3.0, 9.0])
    attack, limits = APGD(targets=2), Limits(passes=60)
    beaten = run_attack(attack, Echo(3), x, y, Ball("linf", 4.0), bounds=bounds, limits=limits)
    stands = run_attack(attack, Echo(3), x, y, Ball("linf", 2.0), bounds=bounds, limits=limits)
    assert beaten.success.all()
    assert not stands.success.any()
    assert (beaten.forward < stands.forward / 2).all()
    assert (stands.forward + stands.backward <= 60).all()
    alone = run_attack(
        attack, Echo(3), x[1:], y[1:], Ball("linf", 4.0), bounds=bounds, ids=y[:1] + 1
    )
    both = run_attack(attack, Echo(3), x, y, Ball("linf", 4.0), bounds=bounds)
    assert torch.equal(alone.x, both.x[1:])


def test_with_fewer_classes_than_targets_some_are_aimed_at_again():
    x, y = torch.tensor([[2.0, 1.0]]), torch.tensor([0])
    bounds = torch.tensor(-9.0), torch.tensor(9.0)
    attack = APGD(loss="dlr", targets=9)
    assert run_attack(attack, Echo(2), x, y, Ball("linf", 0.6), bounds=bounds).success.all()


def test_a_restart_begins_elsewhere_and_costs_one_step():
    x, y = torch.tensor([[5.0, 0.0, 0.0]]), torch.tensor([0])
    once, twice = (
        run_attack(APGD(steps=20, restarts=number), Echo(3), x, y, Ball("linf", 0.1))
        for number in (1, 2)
    )
    assert once.forward.tolist() == twice.forward.tolist()
    assert once.backward.tolist() == [20]
    assert twice.backward.tolist() == [19]


def test_the_steps_are_checked_at_the_papers_places():
    # section 3.3 with 100 steps: 22 %, then ever shorter stretches, down to 6 %
    assert list(checkpoints(100)) == [22, 41, 57, 70, 80, 87, 93, 99, 105]
