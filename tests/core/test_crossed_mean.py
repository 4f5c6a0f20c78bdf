import numpy as np
import pytest

from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import crossed_mean


def drawn(generator, repeats, rows, of_repeats, of_rows, of_both):
    return (
        of_repeats * generator.normal(size=(repeats, 1))
        + of_rows * generator.normal(size=(1, rows))
        + of_both * generator.normal(size=(repeats, rows))
    )


@pytest.mark.parametrize(
    "spreads", [(1.0, 0.1, 1.0), (0.02, 1.0, 1.0), (0.2, 2.0, 1.0)], ids=["seeds", "rows", "both"]
)
def test_the_interval_holds_the_mean_as_often_as_it_says(spreads):
    generator = np.random.default_rng(0)
    found = [crossed_mean("m", drawn(generator, 5, 80, *spreads)) for _ in range(600)]
    share = np.mean([m.low <= 0 <= m.high for m in found])
    assert 0.93 <= share <= 1.0


def test_repeats_that_all_agree_leave_the_doubt_of_the_rows():
    row = np.arange(50.0)
    found = crossed_mean("m", np.stack([row, row]))
    half = 2.0096 * row.std(ddof=1) / np.sqrt(50)  # Student's t with 49 degrees of freedom
    assert found.value == 24.5
    assert found.high - found.value == pytest.approx(half, rel=0.01)


def test_no_share_is_looked_for_beyond_1():
    apart = np.stack([np.zeros(50), np.ones(50)])
    gain = crossed_mean("gain", apart, "share")
    assert (gain.value, gain.low, gain.high) == (0.5, -1, 1)
    assert crossed_mean("distance", apart).high > 1


def test_one_repeat_tells_nothing_of_others():
    with pytest.raises(NotAssessed, match="at least 2"):
        crossed_mean("m", np.zeros((1, 9)))
