import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from roadworthy.artifacts.learning_curve import LearningCurve, nested_order, sizes_for
from roadworthy.checks.performance.collect_more import CollectMore
from roadworthy.core.artifact import Bench, Store, Subject
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.core.learning_curves import forecast
from roadworthy.core.progress import Silent
from roadworthy.frameworks.sklearn_estimator import wrap_estimator
from roadworthy.recipes import Ridge
from tests.datasets import blobs, builtin, judge, numbers, table
from tests.models import GRADED, Logistic


def checkerboard(n=1600, fields=14):
    """A pattern that a neighbor's label tells, once there is a neighbor in each field."""
    x = np.random.default_rng(0).random((n, 2)) * fields
    return table(x, x.astype(int).sum(1) % 2, np.arange(n) % 2 == 1)


def nearest(data):
    fitted = KNeighborsClassifier(1).fit(data.train.x.double().numpy(), data.train.y.numpy())
    return wrap_estimator(fitted, data, "nearest neighbor")


def test_a_model_short_of_rows_is_told_what_more_would_bring():
    data = checkerboard()
    (finding,) = judge(CollectMore(max_gain=0.01), data, nearest(data))
    assert finding.verdict is Verdict.FAIL
    assert "Twice the 800 training rows would gain" in finding.claim
    # what it says of twice the rows is what twice the rows bring
    later = checkerboard(8000)
    more = table(
        torch.cat([later.train.x[:1600], later.test.x]),
        torch.cat([later.train.y[:1600], later.test.y]),
        np.arange(1600 + len(later.test)) >= 1600,
    )
    error = (nearest(more)(more.test.x).argmax(1) != more.test.y).double().mean()
    assert finding.measures[1].low <= error <= finding.measures[1].high


def test_a_model_with_rows_to_spare_passes():
    (finding,) = judge(CollectMore(), blobs(3000, apart=1.5))
    assert finding.verdict is Verdict.PASS
    assert "another model" in finding.remedies[0].text
    assert not finding.alarms


def test_the_largest_part_of_digits_is_foreseen_from_the_others():
    data = builtin("digits")
    subject = Subject(Logistic(data.train, 10), data)
    curve = Bench(subject, Store(None)).get_for((LearningCurve(),))(LearningCurve())
    sizes, errors = curve.sizes.numpy(), curve.errors.double().numpy()
    last = np.array([float(sizes[-1])])
    told = forecast(sizes[:-1], errors[:, :-1], last, pool=len(data.train), seed=0)
    low, high = np.quantile(told.draws[:, 0], [0.025, 0.975])
    assert low <= errors[:, -1].mean() <= high
    assert high - low < 0.05, "an interval that says something"
    (finding,) = judge(CollectMore(), data)
    assert not finding.alarms


def test_a_regression_is_judged_by_the_variance_that_is_left():
    data = numbers(900)
    model = Ridge().fit(data, data.train, 0, Silent())
    (finding,) = judge(CollectMore(), data, model)
    # half of the variance is noise
    assert finding.measures[0].value == pytest.approx(1 / 3, abs=0.08)
    assert finding.verdict is Verdict.PASS


def test_too_few_rows_are_not_assessed():
    (finding,) = judge(CollectMore(), blobs(60))
    assert finding.verdict is Verdict.NOT_ASSESSED
    assert "too few for a curve" in finding.reason


def test_a_model_that_cannot_be_trained_again_is_not_assessed():
    data = blobs()
    with pytest.raises(NotAssessed, match="refit"):
        judge(CollectMore(), data, Logistic(data.train, 2, GRADED))


def test_the_smallest_part_has_a_row_of_every_class():
    y = np.r_[np.zeros(900), np.ones(90), np.full(10, 2)].astype(int)
    data = table(np.zeros((1100, 2)), np.r_[y, y[:100]], np.arange(1100) >= 1000)
    smallest = int(sizes_for(data)[0])
    for seed in range(20):
        assert len(data.train.y[nested_order(data.train, None, seed)[:smallest]].unique()) == 3


def test_parts_keep_the_shares_of_classes():
    data = blobs(900, classes=3)
    order = nested_order(data.train, None, 0)
    assert sorted(order.tolist()) == list(range(len(data.train)))
    for size in (30, 99, 300):
        counts = data.train.y[order[:size]].bincount()
        assert counts.max() - counts.min() <= 2


def test_parts_are_made_of_whole_groups():
    data = blobs(300)
    group = np.arange(len(data.train)) // 5
    order = nested_order(data.train, group, 0).numpy()
    assert (np.diff(group[order]) != 0).sum() == group.max(), "each group comes in one piece"
