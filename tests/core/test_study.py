"""What a comparison concludes from errors that are known."""

from dataclasses import replace

import numpy as np
import pytest

from roadworthy.core.errors import NotAssessed
from roadworthy.core.study import Study
from roadworthy.core.yardstick import Yardstick

LABELS = (10, 20, 40, 80, 160)


def study(rates, labels=LABELS, seeds=6, rows=400, by=Yardstick.ACCURACY):
    """Contenders by their error rate at each number of labels."""
    generator = np.random.default_rng(0)
    luck = generator.random((seeds, 2, rows))  # the same for all: the comparison is paired
    wrong = np.array(
        [
            [
                (luck < rate[k] + 0.01 * np.arange(seeds)[:, None, None] / seeds)
                for k in range(len(labels))
            ]
            for rate in rates.values()
        ]
    ).astype(float)
    shape = (len(rates), len(labels))
    return Study(
        "toy",
        by,
        tuple(rates),
        labels,
        wrong[..., 0, :],
        wrong[..., 1, :],
        np.ones(shape),
        np.full(shape, np.nan),
        1000,
        20_000,
    )


PLAIN = (0.5, 0.4, 0.3, 0.25, 0.2)


def test_what_surely_gains_is_recommended_and_what_harms_is_marked():
    found = study({"plain": PLAIN, "good": np.array(PLAIN) - 0.1, "bad": np.array(PLAIN) + 0.1})
    assert found.recommended == "good"
    assert found.entry("good", 160).verdict == "better"
    assert found.entry("bad", 160).verdict == "harms"
    assert found.entry("plain", 160).verdict == ""
    assert found.entry("good", 160).gain.value == pytest.approx(0.1, abs=0.02)
    assert found.entry("good", 160).beats.value == 1


def test_a_gain_that_may_be_nothing_is_not_recommended():
    found = study({"plain": PLAIN, "same": PLAIN})
    assert found.recommended == "plain"
    assert found.entry("same", 160).verdict == "unclear"
    assert found.sentence.startswith("With 160 labels nothing surely beats plain plain")


def test_what_wins_on_the_rows_that_choose_is_scored_on_others():
    found = study({"plain": PLAIN, "lucky": PLAIN})
    lucky = found.chosen.copy()
    lucky[1] = 0
    found = replace(found, chosen=lucky)
    assert found.recommended == "lucky"
    assert found.entry("lucky", 160).verdict == "unclear"
    assert "+0.0 points" in found.sentence


def test_labels_worth_twice_as_many_are_read_off_the_plain_curve():
    # each has the error that the plain one has with twice the labels
    found = study({"plain": PLAIN, "twice": (*PLAIN[1:], 0.1)}, rows=4000)
    assert found.entry("twice", 20).worth == pytest.approx(2, rel=0.15)
    assert found.entry("twice", 160).worth is None  # the plain curve does not reach that far


def test_the_area_is_the_mean_score_over_the_logarithm_of_the_labels():
    found = study({"plain": PLAIN})
    scores = 1 - found.told.mean((2, 3))[0]
    expected = (scores[:-1] + scores[1:]).mean() / 2  # numbers of labels double
    assert found.area["plain"] == pytest.approx(expected)


def test_more_labels_are_foreseen_from_five_sizes_on():
    foreseen = study({"plain": PLAIN}).more_labels("plain")
    assert foreseen.low <= foreseen.value <= foreseen.high
    assert 0 < foreseen.value < 0.2
    few = study({"plain": PLAIN[:3]}, labels=LABELS[:3])
    with pytest.raises(NotAssessed):
        few.more_labels("plain")
    assert "was not assessed" in few.sentence


def test_a_distance_counts_as_better_when_it_is_smaller():
    found = study({"plain": PLAIN, "good": np.array(PLAIN) - 0.1}, by=Yardstick.DISTANCE)
    assert found.recommended == "good"
    assert found.entry("good", 160).score.value < found.entry("plain", 160).score.value
    assert "-0.1" in found.sentence
