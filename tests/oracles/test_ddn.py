from roadworthy.attacks import DDN
from tests.oracles.hyperplanes import excess


def test_ddn_reaches_the_nearest_plane_of_a_linear_model():
    factor = excess(DDN(), "l2")
    assert (factor > 1 - 1e-5).all()
    assert (factor < 1.02).all()
