from dataclasses import replace

import numpy as np
import pytest
import torch

from roadworthy.artifacts.corruptions import CorruptedPredictions
from roadworthy.checks.robustness.corruption_robustness import CorruptionRobustness
from roadworthy.core.dataset import Task
from roadworthy.core.errors import NotAssessed
from roadworthy.core.finding import Verdict
from roadworthy.core.model import Offer
from tests.datasets import blobs, builtin, judge, numbers, table
from tests.models import Echo, LinearModel, Logistic


def squares(n=300, side=16):
    """Images of one grey each, dark or light, with one pixel of a pattern in the corner."""
    y = np.arange(n) % 2
    x = np.where(y == 0, 0.35, 0.65)[:, None, None, None] * np.ones((n, 1, side, side))
    x[:, 0, 0, 0] = np.where(y == 0, 0.45, 0.55)
    return table(x, y, np.arange(n) % 3 != 0)


def by_pixels(count, side=16, at=0.5, slope=50.0):
    """Judges by the mean of the first `count` pixels."""
    weight = torch.zeros(side * side)
    weight[:count] = slope / count
    return LinearModel(
        torch.stack([-weight, weight], 1), torch.tensor([at, -at]) * slope, (1, side, side)
    )


def test_a_model_that_uses_the_whole_image_loses_little():
    (finding,) = judge(CorruptionRobustness(), squares(), by_pixels(256))
    assert finding.verdict is Verdict.PASS


def test_a_model_that_hangs_on_one_pixel_fails():
    (finding,) = judge(CorruptionRobustness(), squares(), by_pixels(1))
    assert finding.verdict is Verdict.FAIL
    assert finding.estimate.low > 0.1


def test_the_estimate_is_the_mean_over_changes_and_severities():
    (finding,) = judge(CorruptionRobustness(), squares(), by_pixels(1))
    clean, *drops = finding.measures
    shares = np.array([row[1:6] for row in finding.tables[0].rows])
    assert finding.estimate.value == pytest.approx(clean.value - shares.mean())
    assert finding.estimate.value == pytest.approx(np.mean([drop.value for drop in drops]))
    assert len(drops) == 5


def test_the_worst_change_is_named():
    data = squares()
    shifted = replace(data, splits=tuple(replace(s, x=s.x * 0.8) for s in data.splits))
    # 0.28 and 0.52 around 0.5: only light that is added crosses the line
    (finding,) = judge(CorruptionRobustness(), shifted, by_pixels(256, at=0.5))
    assert "under brightness." in finding.claim


@pytest.mark.parametrize("name", ["wine", "breast-cancer"])
def test_tables_lose_values_and_precision(name):
    dataset = builtin(name)
    (finding,) = judge(CorruptionRobustness(), dataset)
    assert [row[0] for row in finding.tables[0].rows] == ["measurement noise", "missing values"]
    assert -0.05 < finding.estimate.value < 0.3


def test_categories_get_no_noise_and_the_most_frequent_stands_in():
    x = np.tile([[0.0, 5.0], [1.0, 6.0], [1.0, 7.0]], (40, 1))
    data = table(x, np.arange(120) % 2, np.arange(120) % 2)
    code = replace(data.features[0], kind="category", categories=("a", "b"))
    data = replace(data, features=(code, data.features[1]))
    rows = torch.arange(len(data.test))
    noisy = CorruptedPredictions("measurement noise", 5, 60).corrupt(data, rows, 0)
    assert torch.equal(noisy[:, 0], data.test.x[:, 0])
    assert not torch.equal(noisy[:, 1], data.test.x[:, 1])
    assert noisy[:, 1].min() >= 5
    assert noisy[:, 1].max() <= 7
    lost = CorruptedPredictions("missing values", 5, 60).corrupt(data, rows, 0)
    changed = lost != data.test.x
    assert changed.any(0).all()
    assert (lost[:, 0][changed[:, 0]] == 1).all()
    assert (lost[:, 1][changed[:, 1]] == 6).all()


def test_values_are_lost_at_the_published_rate():
    data = blobs(n=3000, columns=8)
    rows = torch.arange(len(data.test))
    lost = CorruptedPredictions("missing values", 3, 1000).corrupt(data, rows, 0)
    # 8000 values: the standard error of a share of 0.2 is 0.0045
    assert float((lost != data.test.x).double().mean()) == pytest.approx(0.2, abs=0.015)


def test_labels_are_enough():
    dataset = blobs()
    model = Logistic(dataset.train, 2, frozenset({Offer.LABELS}))
    (finding,) = judge(CorruptionRobustness(), dataset, model)
    assert finding.verdict in (Verdict.PASS, Verdict.WARN, Verdict.FAIL)


def test_regression_is_not_assessed():
    model = LinearModel(torch.ones(2, 1), torch.zeros(1), (2,), Task.REGRESSION)
    with pytest.raises(NotAssessed, match="regression"):
        judge(CorruptionRobustness(), numbers(), model)


def test_rows_of_one_group_widen_the_interval():
    data = squares()
    patient = np.arange(300) // 20
    grouped = replace(
        data,
        splits=tuple(replace(s, columns={"patient": patient[s.ids.numpy()]}) for s in data.splits),
        roles=replace(data.roles, group="patient"),
    )
    (alone,) = judge(CorruptionRobustness(), data, by_pixels(1))
    (together,) = judge(CorruptionRobustness(), grouped, by_pixels(1))
    assert together.estimate.value == pytest.approx(alone.estimate.value)
    assert "cluster" in together.estimate.method


def test_a_constant_model_loses_nothing():
    dataset = blobs(columns=2)

    class Constant(Echo):
        def forward(self, x):
            return x * 0 + torch.tensor([1.0, 0.0])

    (finding,) = judge(CorruptionRobustness(), dataset, Constant(2))
    assert finding.estimate.value == 0
    assert finding.verdict is Verdict.PASS
