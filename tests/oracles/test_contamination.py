import numpy as np
import pytest
from scipy import optimize, special, stats

from roadworthy.core.estimates import contamination


def drawn(seed, share, n=800, slope=3.0, classes=2):
    """Answers that are right the likelier the larger their margin, and labels some of which lie."""
    generator = np.random.default_rng(seed)
    margins = generator.gamma(2.0, 0.5, n)
    is_right = generator.random(n) < special.expit(slope * margins - np.log(classes - 1))
    is_exchanged = generator.random(n) < share
    back = generator.random(n) < 1 / (classes - 1)  # a wrong answer that the label now repeats
    return margins, np.where(is_right, ~is_exchanged, is_exchanged & back)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("share", [0.1, 0.3])
def test_the_share_is_found(share, classes):
    found = contamination("share", *drawn(0, share, 5000, classes=classes), classes)
    assert found.value == pytest.approx(share, abs=0.03)
    assert found.low <= share <= found.high
    assert found.low > share - 0.1


def test_it_is_the_largest_likelihood():
    """Against a free search over both numbers, of two classes."""
    margins, agrees = drawn(1, 0.2)

    def loss(both):
        share, slope = both
        said = share + (1 - 2 * share) * special.expit(slope * margins)
        return -np.log(np.where(agrees, said, 1 - said).clip(1e-12)).sum()

    best = optimize.minimize(loss, [0.1, 1.0], bounds=[(0, 0.49), (0, 100)])
    assert contamination("share", margins, agrees, 2).value == pytest.approx(best.x[0], abs=0.011)


def test_hard_rows_are_no_wrong_labels():
    """As often wrong as with a fifth of the labels exchanged, and where it is unsure."""
    margins, agrees = drawn(2, 0.0, 5000, slope=1.5)
    assert agrees.mean() < 0.8
    assert contamination("share", margins, agrees, 2).high < 0.05


def test_one_margin_for_all_tells_nothing():
    agrees = np.arange(500) % 4 > 0
    found = contamination("share", np.full(500, 1.3), agrees, 2)
    assert found.low == 0.0
    assert found.high > 0.2


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.05, 0.25])
def test_intervals_hold_at_their_rate(share):
    """Of 100 intervals of 95 % at least 89 hold but for a chance of 1 in 200 (binomial)."""
    held = 0
    for seed in range(100):
        found = contamination("share", *drawn(seed, share, 400), 2)
        held += found.low <= share <= found.high
    assert held >= stats.binom.ppf(0.005, 100, 0.95)
