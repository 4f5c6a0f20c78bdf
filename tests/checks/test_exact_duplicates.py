import numpy as np
import pytest
import torch

from roadworthy.artifacts.duplicates import EqualRows
from roadworthy.checks.methodology.exact_duplicates import ExactDuplicates, expected_equals
from roadworthy.core.artifact import Bench, Store, Subject
from roadworthy.core.finding import Verdict
from roadworthy.sources import load_dataset
from tests.datasets import builtin, judge, shared, table
from tests.models import Echo, Logistic

IS_TEST = np.arange(300) % 3 == 2


def continuous(n=300):
    generator = np.random.default_rng(0)
    return generator.normal(size=(n, 4)), np.arange(n) % 2


def by_scope(data):
    return {finding.scope: finding for finding in judge(ExactDuplicates(), data)}


def test_copied_test_rows_are_caught_and_listed():
    x, y = continuous()
    x[[2, 5, 8]], y[[2, 5, 8]] = x[[0, 1, 3]], y[[0, 1, 3]]
    finding = by_scope(table(x, y, IS_TEST))["across splits"]
    assert finding.verdict is Verdict.FAIL
    assert finding.estimate.value == pytest.approx(0.03)
    assert finding.examples[0].rows == (("test", 2), ("test", 5), ("test", 8))


def test_repeats_within_a_split_are_not_called_leaks():
    x, y = continuous()
    x[[3, 6, 9, 12]], y[[3, 6, 9, 12]] = x[0], y[0]
    found = by_scope(table(x, y, IS_TEST))
    assert found["within splits"].verdict is Verdict.FAIL
    assert found["within splits"].estimate.value == pytest.approx(4 / 300)
    assert found["across splits"].verdict is Verdict.PASS


def test_copies_with_different_labels_are_conflicts():
    x, y = continuous()
    x[4], y[4] = x[7], 1 - y[7]
    found = by_scope(table(x, y, IS_TEST))
    assert found["different labels"].verdict is Verdict.FAIL
    assert found["different labels"].examples[0].total == 2


def test_equal_rows_of_few_coarse_columns_are_no_surprise():
    generator = np.random.default_rng(0)
    x = generator.integers(0, 3, size=(300, 3))
    y = generator.integers(0, 2, 300)
    assert {finding.verdict for finding in by_scope(table(x, y, IS_TEST)).values()} == {
        Verdict.PASS
    }


def test_copies_are_caught_in_a_wide_coarse_table():
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 3, size=(300, 30)), np.arange(300) % 2
    x[2], y[2] = x[0], y[0]
    assert by_scope(table(x, y, IS_TEST))["across splits"].verdict is Verdict.FAIL


def test_the_expected_number_of_equal_rows_is_that_of_independent_columns():
    generator = np.random.default_rng(0)
    x = generator.integers(0, 3, size=(200, 2))
    share = [np.mean(x[:, 0] == x[7, 0]), np.mean(x[:, 1] == x[7, 1])]
    assert expected_equals(x)[7] == pytest.approx(200 * share[0] * share[1])


def test_a_copied_image_is_caught():
    data = builtin("digits")
    x = np.concatenate([data.train.x, data.test.x[:10], data.train.x[:10]])
    y = np.concatenate([data.train.y, data.test.y[:10], data.train.y[:10]])
    copied = by_scope(table(x, y, np.arange(len(x)) >= len(data.train)))["across splits"]
    assert copied.verdict is Verdict.FAIL
    assert len(copied.examples[0].rows) == 10
    assert len(copied.examples[0].pictures) == 10


@pytest.mark.parametrize("name", ["digits", "wine", "breast-cancer"])
def test_it_is_silent_on_a_clean_set(name):
    assert {finding.verdict for finding in by_scope(builtin(name)).values()} == {Verdict.PASS}


@pytest.mark.parametrize(("color", "repeated"), [("red", 240), ("white", 937)])
def test_the_wines_that_are_listed_twice_cross_a_random_split(color, repeated):
    data = load_dataset(shared(f"ordinal/uci_winequality_{color}.csv.gz"), target="quality")
    subject = Subject(Logistic(data.train, len(data.classes)), data)
    equal = Bench(subject, Store(None)).get_for((EqualRows(),))(EqualRows())
    keys = torch.cat([equal.train, equal.test])
    assert len(keys) - len(keys.unique()) == repeated
    across, within, _ = judge(ExactDuplicates(), data, subject.model)
    assert across.verdict is within.verdict is Verdict.FAIL
    # 30 % of the rows are for testing, and about half of the repeated ones have a twin in train
    assert across.estimate.value > 0.2


@pytest.mark.slow
def test_adult_has_25_training_rows_that_repeat_another_one_of_which_24_with_its_label():
    files = shared("adult_train.csv.gz"), shared("adult_test.csv.gz")
    data = load_dataset(files[0], test=files[1], target="income")
    found = {finding.scope: finding for finding in judge(ExactDuplicates(), data, Echo(2))}
    assert "25 training" in found["within splits"].claim
    inputs = np.c_[data.train.x.numpy(), data.train.y.numpy()]
    assert len(inputs) - len(np.unique(inputs, axis=0)) == 24
