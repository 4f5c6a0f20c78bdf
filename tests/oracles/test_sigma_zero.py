from roadworthy.attacks import SigmaZero
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.oracles.hyperplanes import boxed


def test_sigma_zero_mostly_changes_the_fewest_features_that_do_it():
    model, x, y, fewest = boxed()
    result = run_attack(SigmaZero(), model, x, y, Ball("l0", 10.0))
    assert fewest.unique().numel() > 1
    extra = result.distance - fewest
    assert (extra >= 0).all()
    # Adam levels the slopes, so a feature too many may stay where the fewest just suffice
    assert (extra <= 1).all()
    assert (extra == 0).double().mean() > 0.8
