import pytest
import torch

from roadworthy.attacks import FMN
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.oracles.hyperplanes import boxed, excess


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_fmn_reaches_the_nearest_plane_of_a_linear_model(norm):
    factor = excess(FMN(), norm)
    assert (factor > 1 - 1e-5).all()
    assert (factor < 1.02).all()


def test_fmn_changes_the_fewest_features_that_do_it():
    model, x, y, fewest = boxed()
    result = run_attack(FMN(), model, x, y, Ball("l0", 10.0))
    assert fewest.unique().numel() > 1
    assert torch.equal(result.distance, fewest)
