import torch

from roadworthy.attacks import CWL0
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.oracles.hyperplanes import boxed


def test_cw_l0_changes_the_fewest_features_that_do_it():
    model, x, y, fewest = boxed()
    result = run_attack(CWL0(), model, x, y, Ball("l0", 10.0))
    assert fewest.unique().numel() > 1
    assert torch.equal(result.distance, fewest)
