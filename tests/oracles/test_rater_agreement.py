import numpy as np
import pytest

from roadworthy.core.agreement import krippendorff_alpha, rating_counts
from roadworthy.core.errors import InputError, NotAssessed
from roadworthy.data import rater_agreement
from tests.oracles.test_agreement import KRIPPENDORFF


def words(codes):
    """Write classes as words, and nothing where none was given."""
    return np.where(codes < 0, "", np.char.add("class ", codes.astype(str)))


@pytest.mark.parametrize(
    ("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_it_is_the_published_example_and_its_interval_holds_it(level, published):
    found = rater_agreement(words(KRIPPENDORFF), level)
    assert found.alpha.value == pytest.approx(published, abs=5e-4)
    assert found.alpha.low < published < found.alpha.high
    assert found.alpha.n == 11  # one of the twelve units has a single rating


def test_the_order_of_the_classes_counts_where_there_is_one():
    names = np.array(["low", "middle", "high"])
    codes = np.random.default_rng(0).integers(0, 3, (300, 1)).repeat(3, 1)
    codes[::5, 0] = np.minimum(codes[::5, 0] + 1, 2)
    found = rater_agreement(names[codes], "ordinal", ("low", "middle", "high"))
    assert found.alpha.value == pytest.approx(
        krippendorff_alpha(rating_counts(codes, 3), "ordinal")
    )
    assert found.alpha.value > rater_agreement(names[codes], "ordinal").alpha.value


def test_the_odd_one_out_and_the_disputed_classes_are_seen():
    generator = np.random.default_rng(1)
    codes = generator.integers(0, 3, (600, 1)).repeat(3, 1)
    disputed = codes[:, 2] > 0
    codes[disputed, 2] = generator.integers(1, 3, disputed.sum())  # never errs on class 0
    found = rater_agreement(codes)
    assert found.by_pair[0, 1].value == 1
    assert found.by_pair[0, 2].high < 1
    assert found.by_class[0].value == 1
    assert found.by_class[1].high < found.by_class[0].low


def test_intervals_hold_at_their_rate():
    generator = np.random.default_rng(2)

    def draw(n):
        truth = generator.integers(0, 3, (n, 1))
        other = generator.integers(0, 3, (n, 3))
        return np.where(generator.random((n, 3)) < 0.3, other, truth)

    truth = krippendorff_alpha(rating_counts(draw(100_000), 3))
    found = [rater_agreement(draw(150)).alpha for _ in range(30)]
    assert sum(each.low <= truth <= each.high for each in found) >= 25  # fewer 3 times in 1000


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(InputError, match="two raters"):
        rater_agreement([["a"], ["b"]])
    with pytest.raises(InputError, match="'c' is none of the classes"):
        rater_agreement([["a", "b"], ["c", "a"]], classes=("a", "b"))
    with pytest.raises(NotAssessed):
        rater_agreement([["a", "a"]] * 20)
    found = rater_agreement([["a", "b", ""], ["a", "a", ""], ["b", "b", None]] * 5)
    assert list(found.by_pair) == [(0, 1)]
    holes = rater_agreement([[1.0, 2.0, np.nan], [1.0, 1.0, np.nan], [2.0, 2.0, np.nan]] * 5)
    assert holes.alpha.value == found.alpha.value
