import pytest
import torch

from roadworthy.attacks.evasion.apgd import APGD
from roadworthy.attacks.evasion.auto_attack import AutoAttack
from roadworthy.attacks.evasion.fab import FAB
from roadworthy.attacks.evasion.square import Square
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import trained
from tests.models import Echo


@pytest.mark.parametrize("version", ["standard", "plus", "rand"])
def test_no_part_of_auto_attack_beats_more_than_the_whole(version):
    model, x, y = trained()
    x, y, threat = x[:16], y[:16], Ball("linf", 0.14)
    whole = run_attack(AutoAttack(version, steps=10, queries=30), model, x, y, threat)
    assert 0 < whole.success.sum() < 16
    assert (whole.distance[whole.success] <= threat.eps * (1 + 1e-5)).all()
    parts = [APGD(10), APGD(10, loss="dlr")]
    if version != "rand":
        parts += [APGD(10, loss="dlr", targets=1), FAB(10, targets=1), Square(30)]
    for part in parts:
        alone = run_attack(part, model, x, y, threat)
        within = alone.success & (alone.distance <= threat.eps * (1 + 1e-5))
        assert within.sum() <= whole.success.sum()


def test_a_sample_that_fell_is_not_attacked_again():
    model, x, y = trained()
    threat = Ball("linf", 0.2)
    first = run_attack(APGD(10), model, x, y, threat)
    whole = run_attack(AutoAttack(steps=10, queries=30), model, x, y, threat)
    assert first.success.any()
    assert torch.equal(whole.forward[first.success], first.forward[first.success])
    assert torch.equal(whole.x[first.success], first.x[first.success])


@pytest.mark.parametrize(("classes", "aims"), [(2, 1), (4, 3), (12, 9)])
def test_auto_attack_aims_at_as_many_classes_as_there_are(classes, aims):
    parts = AutoAttack().parts(Echo(classes), torch.zeros(1), Ball("linf", 0.1))
    assert [part.attack.targets for part in parts if isinstance(part.attack, FAB)] == [aims]
