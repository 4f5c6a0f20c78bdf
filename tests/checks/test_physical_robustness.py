from dataclasses import replace

import numpy as np
import pytest
import torch

from roadworthy.checks.robustness.physical_robustness import PhysicalRobustness
from roadworthy.core.artifact import Subject
from roadworthy.core.dataset import Task
from roadworthy.core.effort import EFFORTS
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.core.model import Offer
from tests.datasets import builtin, judge, table
from tests.models import LinearModel

SIDE = 12


def halves(n=300):
    """Images whose left or right half is lighter than the other one."""
    y = np.arange(n) % 2
    x = np.full((n, 1, SIDE, SIDE), 0.3)
    x[:, :, :, : SIDE // 2] += 0.1 * (y == 0)[:, None, None, None]
    x[:, :, :, SIDE // 2 :] += 0.1 * (y == 1)[:, None, None, None]
    return table(x, y, np.arange(n) % 3 != 0)


def by_halves(slope=50.0):
    """Compares the halves, so light on either one misleads it."""
    weight = torch.ones(SIDE, SIDE) * slope / SIDE**2
    weight[:, : SIDE // 2] *= -1
    weight = weight.flatten()
    return LinearModel(torch.stack([-weight, weight], 1), torch.zeros(2), (1, SIDE, SIDE))


def bright(n=300):
    """Images that are black or white all over."""
    y = np.arange(n) % 2
    x = np.where(y == 0, 0.0, 1.0)[:, None, None, None] * np.ones((n, 1, SIDE, SIDE))
    return table(x, y, np.arange(n) % 3 != 0)


def by_brightness():
    weight = torch.full((SIDE * SIDE,), 10.0 / SIDE**2)
    return LinearModel(
        torch.stack([-weight, weight], 1), torch.tensor([5.0, -5.0]), (1, SIDE, SIDE)
    )


def by_scope(findings):
    return {finding.scope: finding for finding in findings}


def test_a_model_that_follows_the_light_fails():
    found = by_scope(judge(PhysicalRobustness(), halves(), by_halves()))
    assert set(found) == {"laser-beam", "rotation-translation", "phantom"}
    assert found["laser-beam"].verdict is Verdict.FAIL
    assert found["laser-beam"].estimate.high < 0.3


def test_a_model_that_no_beam_turn_or_phantom_reaches_passes():
    for finding in judge(PhysicalRobustness(), bright(), by_brightness()):
        assert finding.verdict is Verdict.PASS
        assert finding.estimate.value == 1
        assert not finding.examples


def test_a_planted_weakness_to_shifts_is_found_by_turning_and_shifting_alone():
    data = bright()
    weight = torch.zeros(SIDE, SIDE)
    weight[0] = 10.0 / SIDE  # it looks at the first row only, where what comes into view is black
    weight = weight.flatten()
    model = LinearModel(
        torch.stack([-weight, weight], 1), torch.tensor([7.0, -7.0]), (1, SIDE, SIDE)
    )
    check = PhysicalRobustness(max_shift=0.2, max_angle=1.0)
    found = by_scope(judge(check, data, model))
    assert found["rotation-translation"].estimate.value < 0.7
    assert found["laser-beam"].estimate.value == 1
    assert found["phantom"].estimate.value == 1


def test_accuracy_falls_with_strength_and_ends_at_the_estimate():
    for finding in judge(PhysicalRobustness(), halves(), by_halves()):
        (line,) = finding.figures[0].series
        assert line.x == (0.0, 0.25, 0.5, 1.0)
        assert list(line.y) == sorted(line.y, reverse=True)
        assert line.y[0] == finding.measures[0].value == 1
        assert line.y[-1] == finding.estimate.value


def test_what_was_found_is_shown_beside_the_original():
    (finding,) = (
        each
        for each in judge(PhysicalRobustness(), halves(), by_halves())
        if each.scope == "laser-beam"
    )
    picture = finding.examples[0].pictures[0]
    assert (picture.width, picture.height, picture.channels) == (2 * SIDE, SIDE, 1)


def test_no_light_is_no_attack():
    check = PhysicalRobustness(laser_intensity=0.0, phantom_intensity=0.0)
    found = by_scope(judge(check, halves(), by_halves()))
    assert found["laser-beam"].estimate.value == 1
    assert found["phantom"].estimate.value == 1


def test_more_effort_attacks_more_rows():
    check, subject = PhysicalRobustness(), Subject(by_halves(), halves())
    rows = [
        check.needs(replace(subject, effort=EFFORTS[name]))[0].n
        for name in ("quick", "standard", "thorough")
    ]
    assert rows == [20, 50, 1000]


@pytest.mark.parametrize("name", ["wine", "breast-cancer"])
def test_tables_are_not_assessed(name):
    with pytest.raises(NotAssessed, match="not tables"):
        judge(PhysicalRobustness(), builtin(name))


def test_regression_is_not_assessed():
    model = LinearModel(
        torch.ones(SIDE * SIDE, 1), torch.zeros(1), (1, SIDE, SIDE), Task.REGRESSION
    )
    with pytest.raises(NotAssessed, match="regression"):
        judge(PhysicalRobustness(), halves(), model)


def test_labels_are_not_enough():
    model = by_halves()
    model.spec = replace(model.spec, offers=frozenset({Offer.LABELS}))
    with pytest.raises(NotAssessed, match="labels"):
        judge(PhysicalRobustness(), halves(), model)
