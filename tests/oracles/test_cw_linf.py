from roadworthy.attacks import CWLinf
from tests.oracles.hyperplanes import excess


def test_cw_linf_reaches_the_nearest_plane_of_a_linear_model():
    factor = excess(CWLinf(), "linf")
    assert (factor > 1 - 1e-5).all()
    assert (factor < 1.02).all()
