from roadworthy.attacks import DeepFool, SuperDeepFool
from roadworthy.core.driver import run_attack
from roadworthy.core.threat import Ball
from tests.attack_subjects import trained
from tests.oracles.hyperplanes import excess


def test_superdeepfool_reaches_the_nearest_plane_of_a_linear_model():
    factor = excess(SuperDeepFool(), "l2")
    assert (factor > 1 - 1e-5).all()
    assert (factor < 1.02).all()


def test_superdeepfool_ends_nearer_than_deepfool_where_boundaries_bend():
    model, x, y = trained()
    near, far = (
        run_attack(attack, model, x[:20], y[:20], Ball("l2", 1.0)).distance
        for attack in (SuperDeepFool(), DeepFool())
    )
    assert near.median() < far.median()
    assert (near <= far).double().mean() > 0.9
