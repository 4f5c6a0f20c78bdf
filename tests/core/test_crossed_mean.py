import numpy as np
import pytest

from roadworthy.core.errors import NotAssessed
from roadworthy.core.estimates import by_cluster, crossed_mean


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


def test_clusters_keep_the_mean_of_their_rows():
    generator = np.random.default_rng(1)
    values, clusters = generator.random((3, 4, 90)), generator.integers(0, 9, 90)
    found = by_cluster(values, clusters)
    assert found.shape == (3, 4, 9)
    np.testing.assert_allclose(found.mean((1, 2)), values.mean((1, 2)))
    assert by_cluster(values, None) is values


def test_of_clusters_of_one_size_it_is_their_mean():
    values = np.random.default_rng(2).random((2, 60))
    found = by_cluster(values, np.tile(np.arange(20), 3))
    np.testing.assert_allclose(found, values.reshape(2, 3, 20).mean(1))


def test_intervals_hold_where_rows_of_a_cluster_are_alike():
    """Row by row they would hold in half of the draws."""
    generator = np.random.default_rng(3)
    held = {"clusters": 0, "rows": 0}
    for _ in range(300):
        clusters = np.repeat(np.arange(60), generator.integers(1, 25, 60))
        level = generator.normal(size=60)[clusters]
        values = level + generator.normal(size=(4, len(clusters)))
        for name, drawn in {"clusters": by_cluster(values, clusters), "rows": values}.items():
            found = crossed_mean("m", drawn)
            held[name] += found.low <= 0 <= found.high
    assert 0.92 <= held["clusters"] / 300 <= 0.98
    assert held["rows"] / 300 < 0.75
