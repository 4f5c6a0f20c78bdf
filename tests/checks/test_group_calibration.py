import numpy as np
import pytest

from roadworthy.checks.bias.group_calibration import GroupCalibration, has_both, honest_error
from roadworthy.core.dataset import Roles, Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.core.model import Offer
from tests.datasets import judge, table
from tests.models import Echo


def by_group(n=3000, off=0.0, sharpen=1.0, classes=2, seed=0, sizes=(0.6, 0.4)):
    """Logits whose softmax the labels are drawn from, but for group b, which is moved from it."""
    random = np.random.default_rng(seed)
    group = random.choice(["a", "b"], n, p=sizes)
    logits = random.normal(size=(n, classes)) * 1.5
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    y = (shares.cumsum(1) < random.random((n, 1))).sum(1)
    is_b = (group == "b")[:, None]
    x = logits * np.where(is_b, sharpen, 1.0)
    x[:, -1] += np.where(is_b[:, 0], off, 0.0)
    return planted(x, y, {"sex": group})


def planted(x, y, columns, sensitive=("sex",), group=None):
    """A table whose test rows are given, on which `Echo` says x."""
    doubled = {name: np.tile(values, 2) for name, values in columns.items()}
    is_test = np.arange(2 * len(y)) >= len(y)
    roles = Roles(sensitive=sensitive, group=group)
    return table(np.tile(x, (2, 1)), np.tile(y, 2), is_test, columns=doubled, roles=roles)


def calibration_of(data):
    return judge(GroupCalibration(), data, Echo(len(data.classes)))


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_too_high_in_one_group_are_found(classes):
    (finding,) = calibration_of(by_group(off=1.5, classes=classes))
    assert finding.key == "RW-BIAS-002:sex"
    assert finding.verdict is Verdict.FAIL
    assert f"stated minus true share of class {classes - 1}" in finding.claim


def test_a_group_of_which_the_model_is_too_sure_is_found_by_the_calibration_error():
    # too high above one half and too low below it: right in the large
    (finding,) = calibration_of(by_group(n=8000, sharpen=4.0))
    assert finding.verdict is Verdict.FAIL
    assert "calibration error" in finding.claim


def test_probabilities_that_hold_in_both_groups_pass():
    (finding,) = calibration_of(by_group(n=12_000))
    assert finding.verdict is Verdict.PASS


def test_probabilities_equally_off_in_both_groups_pass():
    data = by_group(n=12_000)
    (finding,) = calibration_of(planted(3 * data.test.x, data.test.y, data.test.columns))
    assert finding.verdict is Verdict.PASS


def test_the_mean_numbers_are_those_counted_by_hand():
    data = by_group(off=0.7)
    (finding,) = calibration_of(data)
    stated = data.test.x.softmax(1)[:, 1].numpy()
    of_a = data.test.columns["sex"] == "a"
    measure = next(m for m in finding.measures if m.name.endswith("class 1, a"))
    assert measure.value == pytest.approx((stated - data.test.y.numpy())[of_a].mean(), abs=1e-6)
    assert measure.n == of_a.sum()


def test_a_small_calibrated_group_has_no_error_on_average():
    random = np.random.default_rng(0)
    found = []
    for _ in range(400):
        stated = random.random(120)
        came_true = random.random(120) < stated
        second = random.permutation(120) < 60
        values = honest_error(stated, came_true, np.zeros(120, dtype=int), second, bins=4)
        found.append(values[second].mean())
    # the plain binned error of so few rows is about 0.1
    assert np.mean(found) == pytest.approx(0, abs=3 * np.std(found) / 20)


def test_the_error_of_a_group_far_off_is_the_distance_in_its_bins():
    stated = np.repeat([0.2, 0.8], 400)
    came_true = np.tile([True, False], 400)
    second = np.arange(800) // 2 % 2 == 0
    values = honest_error(stated, came_true, np.zeros(800, dtype=int), second, bins=2)
    assert values[second].mean() == pytest.approx(0.3)


def test_groups_do_not_share_bins():
    stated, came_true = np.full(8, 0.5), np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=bool)
    group, second = np.repeat([0, 1], 4), np.tile([True, False], 4)
    values = honest_error(stated, came_true, group, second, bins=1)
    # the first half says that group 0 is stated too high; that of group 1 is even
    assert values.tolist() == [-0.5, 0.5, 0.5, 0.5, 0, 0, 0, 0]


@pytest.mark.slow
def test_groups_that_are_calibrated_rarely_seem_to_differ():
    seeming = 0
    for seed in range(200):
        (finding,) = calibration_of(by_group(n=900, seed=seed, sizes=(0.85, 0.15)))
        seeming += finding.verdict is not Verdict.NOT_ASSESSED and finding.estimate.low > 0
    # 5 % is the bound; 16 of 200 are exceeded with a chance under 2 % if it holds
    assert seeming <= 16


def test_outcomes_that_hardly_occur_in_a_group_are_left_out():
    came_true = np.arange(60) % 2 == 0
    group = np.repeat([0, 1], [45, 15])
    assert has_both(came_true, group, np.ones(60, bool)).tolist() == (group == 0).tolist()


def test_groups_too_small_to_compare_are_not_assessed():
    (finding,) = calibration_of(by_group(sizes=(0.98, 0.02)))
    assert finding.verdict is Verdict.NOT_ASSESSED
    assert "fewer than two groups of sex have 100 rows" in finding.reason


def test_rows_of_one_person_count_once():
    data = by_group(n=600)
    columns = {"sex": np.repeat(data.test.columns["sex"], 5), "who": np.repeat(np.arange(600), 5)}
    x, y = data.test.x.repeat_interleave(5, 0), data.test.y.repeat_interleave(5)
    (alone,), (repeated,) = (
        calibration_of(planted(data.test.x, data.test.y, data.test.columns)),
        calibration_of(planted(x, y, columns, group="who")),
    )
    one, five = (f.measures[0].high - f.measures[0].low for f in (alone, repeated))
    assert five == pytest.approx(one, rel=0.15)


def test_it_needs_scores_classes_and_a_sensitive_attribute():
    data = by_group(n=400)
    with pytest.raises(NotAssessed, match="offers no scores"):
        judge(GroupCalibration(), data, Echo(2, frozenset({Offer.LABELS})))
    with pytest.raises(NotAssessed, match="--sensitive"):
        calibration_of(planted(data.test.x, data.test.y, {}, sensitive=()))
    people = {"sex": np.arange(300) % 2}
    is_test = np.arange(300) >= 100
    roles = Roles(sensitive=("sex",))
    number = table(
        np.ones((300, 1)), np.ones(300), is_test, columns=people, roles=roles, task=Task.REGRESSION
    )
    with pytest.raises(NotAssessed, match="the target is a number"):
        judge(GroupCalibration(), number, Echo(1))
