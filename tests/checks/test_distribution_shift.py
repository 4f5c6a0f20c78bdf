import numpy as np
import pytest
from scipy import stats

from roadworthy.artifacts.shift_probe import maximum_mean_discrepancy
from roadworthy.checks.shift.distribution_shift import DistributionShift
from roadworthy.core.artifact import Subject
from roadworthy.core.finding import Verdict
from roadworthy.sources import load_dataset, make_dataset
from tests.datasets import judge, numbers, shared
from tests.models import Echo


def rows(n=400, seed=0, moved=0.0, flip=False, share=0.5):
    """Two columns; the sign of the first is the class, up to some noise."""
    generator = np.random.default_rng(seed)
    y = (generator.random(n) < share).astype(int)
    x = generator.normal(size=(n, 2)) + np.c_[3.0 * y - 1.5, np.zeros(n)]
    x[:, 1] += moved
    return x, 1 - y if flip else y


def judged(used, **more):
    x, y = rows(1000)
    data = make_dataset(x, y, production=used, features=("first", "second"), **more)
    findings = judge(DistributionShift(), data)
    return {finding.scope: finding for finding in findings}


def test_rows_drawn_alike_pass():
    for seed in range(5):
        found = judged(rows(seed=seed + 1))
        assert {finding.verdict for finding in found.values()} <= {Verdict.PASS, Verdict.WARN}
        assert found["production labels given inputs"].verdict is Verdict.PASS


def test_a_moved_column_is_found_and_named():
    found = judged(rows(seed=1, moved=1.5))["production inputs"]
    assert found.verdict is Verdict.FAIL
    assert found.tables[0].rows[0][0] == "second"
    assert found.measures[0].value < 0.01
    assert "1 of 2 columns differ" in found.claim


def test_another_share_of_classes_is_found():
    found = judged(rows(seed=1, share=0.85))
    assert found["production labels"].verdict is Verdict.FAIL
    assert found["test labels"].verdict is Verdict.PASS


def test_labels_of_another_meaning_are_found():
    found = judged(rows(seed=1, flip=True))
    assert found["production labels given inputs"].verdict is Verdict.FAIL
    assert found["production inputs"].verdict is not Verdict.FAIL


def test_where_inputs_do_not_overlap_nobody_can_tell_what_labels_mean():
    found = judged(rows(seed=1, moved=20, flip=True))["production labels given inputs"]
    assert found.verdict is Verdict.NOT_ASSESSED
    assert "hardly overlap" in found.reason


def test_without_labels_only_inputs_are_compared():
    found = judged(rows(seed=1)[0])
    assert {scope for scope in found if scope.startswith("production")} == {"production inputs"}


def test_rows_of_one_group_count_once():
    x, y = rows(200)
    repeated = np.repeat(np.arange(200), 5)
    used, own = rows(40, seed=2)
    copies = np.repeat(np.arange(40), 5)
    data = make_dataset(
        x[repeated],
        y[repeated],
        production=(used[copies], own[copies]),
        columns={"person": np.concatenate([repeated, 1000 + copies])},
        group="person",
        split="by-group",
    )
    found = {finding.scope: finding for finding in judge(DistributionShift(), data)}
    assert found["production inputs"].estimate.n == (140 + 40) // 2
    assert found["production inputs"].verdict is not Verdict.FAIL


def test_numbers_as_targets_are_compared_by_rank():
    data = numbers(600)
    found = {finding.scope: finding for finding in judge(DistributionShift(), data, Echo(2))}
    assert found["test labels"].verdict is Verdict.PASS
    assert found["test labels given inputs"].verdict is Verdict.PASS


def test_few_rows_are_not_assessed():
    x, y = rows(60)
    data = make_dataset(x, y)
    (finding,) = judge(DistributionShift(), data)
    assert finding.verdict is Verdict.NOT_ASSESSED
    assert "18 rows" in finding.reason


def test_the_discrepancy_is_that_of_its_definition():
    generator = np.random.default_rng(0)
    kernel = generator.random((9, 9))
    kernel = (kernel + kernel.T) / 2
    np.fill_diagonal(kernel, 0)
    is_second = np.array([0, 1, 0, 1, 1, 0, 0, 1, 0], dtype=bool)
    a, b = kernel[~is_second][:, ~is_second], kernel[is_second][:, is_second]
    mixed = kernel[~is_second][:, is_second]
    expected = a.sum() / 20 + b.sum() / 12 - 2 * mixed.mean()
    assert maximum_mean_discrepancy(kernel, is_second[None])[0] == pytest.approx(expected)


def test_p_values_of_columns_are_those_of_scipy():
    x, y = rows(1000)
    used = rows(seed=1, moved=0.3)[0]
    data = make_dataset(x, y, production=used, features=("first", "second"))
    table = judge(DistributionShift(), data)[-1].tables[0]
    by_name = {row[0]: row[2] for row in table.rows}
    expected = stats.ks_2samp(data.train.x[:, 1].numpy(), data.production.x[:, 1].numpy())
    assert by_name["second"] == pytest.approx(expected.pvalue)


def test_the_pneumonia_set_has_other_classes_in_training():
    data = load_dataset(shared("pneumoniamnist_imbalanced.npz"))
    subject = Subject(Echo(2), data)
    assert DistributionShift().needs(subject)
    found = {finding.scope: finding for finding in judge(DistributionShift(), data, Echo(2))}
    finding = found["test labels"]
    assert finding.verdict is Verdict.FAIL
    assert finding.estimate.value == pytest.approx(0.375 - 388 / 3882, abs=1e-3)
