import pytest

from roadworthy.attacks.evasion.pointwise import Pointwise
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import trained


@pytest.mark.parametrize(("norm", "share"), [("l0", 1.0), ("l2", 1.0), ("l2", 1 / 15)])
def test_no_feature_that_is_left_can_come_nearer(norm, share):
    """In L0 back to its original; in L2 by the share of the way that a step can tell apart, too."""
    model, x, y = trained()
    x, y = x[:10], y[:10]
    result = run_attack(Pointwise(), model, x, y, Ball(norm, 64.0))
    assert result.success.all()
    # Each sample has features of its own, and as many rivals as it has features.
    for row in range(len(x)):
        changed = (result.x[row] != x[row]).nonzero()
        rivals = result.x[row].repeat(len(changed), 1, 1, 1)
        for rival, place in zip(rivals, changed, strict=True):
            at = tuple(place)
            rival[at] += share * (x[row][at] - rival[at])
        assert (model.forward(rivals).argmax(1) == y[row]).all()


def test_it_ends_as_soon_as_nothing_can_be_reset():
    model, x, y = trained()
    attack = Pointwise()
    result = run_attack(attack, model, x[:10], y[:10], Ball("l0", 64.0))
    most = attack.steps * attack.passes_ahead(1)
    assert (result.forward < most / 5).all()
