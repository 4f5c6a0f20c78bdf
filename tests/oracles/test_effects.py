import numpy as np
import pytest
from scipy import stats

from roadworthy.causes.effects import average_effect, refutations, robustness
from roadworthy.causes.nuisances import deal, expectations, expectations_of_two
from roadworthy.causes.refutations import Refutation
from roadworthy.core.errors import InputError
from roadworthy.core.estimates import mean

TRIALS = 60


def drawn(seed, n=300, is_binary=False, effect=1.0, curve=False):
    """A common cause of treatment and outcome; the naive comparison is far off."""
    generator = np.random.default_rng(seed)
    cause = generator.normal(size=(n, 2))
    pull = cause[:, 0] + (np.square(cause[:, 1]) - 1 if curve else 0.5 * cause[:, 1])
    if is_binary:
        treatment = (generator.random(n) < 1 / (1 + np.exp(-pull))).astype(float)
    else:
        treatment = pull + generator.normal(size=n)
    return treatment, effect * treatment + 2 * pull + generator.normal(size=n), cause


@pytest.mark.parametrize("is_binary", [False, True])
def test_intervals_hold_at_their_rate(is_binary):
    """Of 60 intervals of 95 % at least 52 hold but for a chance of 1 in 200 (binomial)."""
    held = 0
    for seed in range(TRIALS):
        data = drawn(seed, is_binary=is_binary)
        found = average_effect(*data, seed=seed, learners=("linear",))
        interval = mean("effect", found.scores, seed=seed)
        held += interval.low <= 1 <= interval.high
    assert held >= stats.binom.ppf(0.005, TRIALS, 0.95)


@pytest.mark.slow
@pytest.mark.parametrize("is_binary", [False, True])
def test_intervals_hold_under_curves(is_binary):
    """Of 60 intervals of 95 % at least 52 hold, as above."""
    held = 0
    for seed in range(TRIALS):
        data = drawn(seed, n=500, is_binary=is_binary, curve=True)
        found = average_effect(*data, seed=seed, learners=("curves",))
        interval = mean("effect", found.scores, seed=seed)
        held += interval.low <= 1 <= interval.high
    assert held >= stats.binom.ppf(0.005, TRIALS, 0.95)


@pytest.mark.parametrize("learner", ["linear", "curves"])
def test_units_do_not_matter(learner):
    treatment, outcome, cause = drawn(2, is_binary=True, curve=True)
    found = average_effect(treatment, outcome, cause, learners=(learner,))
    again = average_effect(treatment, outcome, cause * [1e-5, 1e5] + 7, learners=(learner,))
    assert again.value == pytest.approx(found.value, rel=1e-3)


def test_rows_of_both_treatments_share_a_curve():
    """Where nearly all of one treatment are on one side, the other's curve reaches further."""
    generator = np.random.default_rng(0)
    cause = generator.normal(size=(2000, 1))
    is_treated = generator.random(2000) < 1 / (1 + np.exp(-4 * cause[:, 0]))
    y = is_treated + np.square(cause[:, 0]) + 0.1 * generator.normal(size=2000)
    fold = deal(2000, 5, 0)
    no, yes = expectations_of_two(cause, is_treated, y, fold, ("curves",))
    assert np.abs(yes - no - 1).max() < 0.3
    alone = [expectations(cause, y, fold, ("curves",), of=own) for own in (~is_treated, is_treated)]
    assert np.abs(alone[1] - alone[0] - 1).max() > 0.3


def test_without_adjustment_the_effect_is_missed():
    treatment, outcome, cause = drawn(0, n=1000)
    found = average_effect(treatment, outcome, cause[:, :0])
    assert abs(found.value - 1) > 10 * found.standard_error


def test_numbers_agree_with_least_squares():
    treatment, outcome, cause = drawn(0, n=2000)
    design = np.c_[treatment, cause, np.ones(2000)]
    expected = np.linalg.lstsq(design, outcome, rcond=None)[0][0]
    found = average_effect(treatment, outcome, cause, learners=("linear",))
    # cross-fitting moves it by less than a tenth of its error
    assert abs(found.value - expected) < 0.1 * found.standard_error


@pytest.mark.parametrize("is_binary", [False, True])
def test_curved_causes_are_adjusted_for(is_binary):
    data = drawn(1, n=1000, is_binary=is_binary, curve=True)
    found = average_effect(*data)
    straight = average_effect(*data, learners=("linear",))
    assert abs(found.value - 1) < 3 * found.standard_error
    assert abs(straight.value - 1) > 3 * straight.standard_error


def test_one_right_model_of_two_is_enough():
    """The chance of being treated is learned rightly, the outcome is not: doubly robust."""
    generator = np.random.default_rng(0)
    cause = generator.normal(size=(4000, 1))
    treatment = (generator.random(4000) < 1 / (1 + np.exp(-cause[:, 0]))).astype(float)
    outcome = treatment + np.exp(cause[:, 0]) + generator.normal(size=4000)
    found = average_effect(treatment, outcome, cause, learners=("linear",))
    assert abs(found.value - 1) < 3 * found.standard_error


def test_the_robustness_is_that_of_cinelli_and_hazlett():
    """In their example of Darfur: t = 4.18 with 783 degrees of freedom gives 13.9 %."""
    share = 4.184**2 / (4.184**2 + 783)
    rest = np.array([1.0, 0.0])
    left = np.array([np.sqrt(share), np.sqrt(1 - share)])
    assert robustness(rest, left) == pytest.approx(0.139, abs=5e-4)


@pytest.mark.parametrize("is_binary", [False, True])
def test_a_sound_estimate_is_not_refuted(is_binary):
    found = list(refutations(*drawn(3, is_binary=is_binary)))
    assert [one.name for one in found] == [
        "placebo treatment",
        "random common cause",
        "part of the rows",
    ]
    assert not any(one.is_refuted for one in found)
    assert found[0].expected == 0


def test_what_is_far_off_is_called_refuted():
    assert Refutation("placebo treatment", 0.3, 0.0, 1.5).is_refuted
    assert not Refutation("placebo treatment", 0.1, 0.0, -0.5).is_refuted


def test_a_treatment_that_does_not_vary_is_refused():
    _, outcome, cause = drawn(0)
    with pytest.raises(InputError, match="vary"):
        average_effect(np.full(300, 3.0), outcome, cause)
    with pytest.raises(InputError, match="10 rows"):
        average_effect((np.arange(300) < 4).astype(float), outcome, cause)


def test_rows_with_nothing_to_compare_them_with_are_counted():
    generator = np.random.default_rng(0)
    cause = generator.normal(size=(500, 1))
    treatment = (generator.random(500) < 1 / (1 + np.exp(-6 * cause[:, 0]))).astype(float)
    found = average_effect(treatment, cause[:, 0], cause, learners=("linear",))
    assert found.unlike > 0.4
