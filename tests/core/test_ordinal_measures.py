"""Measures of ordered classes against scikit-learn and scipy."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from roadworthy.core.ordinal_measures import (
    ORDINAL_MEASURES,
    balanced_absolute_error,
    breaks_order,
    confusion,
    kendall_tau,
    quadratic_kappa,
    ranked_probability_score,
)


@pytest.fixture
def drawn():
    generator = np.random.default_rng(0)
    y = generator.integers(0, 5, (20, 60))
    return y, np.clip(y + generator.integers(-2, 3, y.shape), 0, 4)


def by_scikit_learn(y, answers):
    by_class = [np.abs(answers - y)[y == k].mean() for k in np.unique(y)]
    return {
        "mean absolute error": metrics.mean_absolute_error(y, answers),
        "mean absolute error, classes alike": np.mean(by_class),
        "root mean square error": metrics.root_mean_squared_error(y, answers),
        "quadratic kappa": metrics.cohen_kappa_score(y, answers, weights="quadratic"),
        "accuracy": metrics.accuracy_score(y, answers),
        "at most one class off": (np.abs(y - answers) <= 1).mean(),
        "Kendall's tau-b": stats.kendalltau(y, answers).statistic,
    }


def test_all_measures_of_many_samples_at_once_equal_scikit_learns_of_each(drawn):
    y, answers = drawn
    counts = confusion(y, answers, 5)
    expected = [by_scikit_learn(*rows) for rows in zip(y, answers, strict=True)]
    for name, measure in ORDINAL_MEASURES.items():
        np.testing.assert_allclose(measure(counts), [each[name] for each in expected], rtol=1e-12)


def test_a_class_without_rows_does_not_count():
    counts = confusion(np.array([0, 0, 0, 2]), np.array([0, 0, 0, 0]), 3)
    assert balanced_absolute_error(counts) == 1  # 0 of class 0, 2 of class 2
    assert confusion(np.array([0, 2]), np.array([1, 1]), 3).sum() == 2


def test_what_is_not_defined_is_nan():
    one_class = confusion(np.zeros(4, dtype=int), np.zeros(4, dtype=int), 3)
    assert np.isnan(quadratic_kappa(one_class))
    assert np.isnan(kendall_tau(one_class))


def test_the_ranked_probability_score_equals_its_definition():
    generator = np.random.default_rng(1)
    probabilities, y = generator.dirichlet(np.ones(4), 30), generator.integers(0, 4, 30)
    expected = [
        sum((p[: k + 1].sum() - (label <= k)) ** 2 for k in range(4))
        for p, label in zip(probabilities, y, strict=True)
    ]
    np.testing.assert_allclose(ranked_probability_score(probabilities, y), expected)


def test_a_rise_from_a_rank_to_the_next_breaks_the_order():
    is_above = np.array([[0.9, 0.5, 0.1], [0.9, 0.1, 0.2], [0.5, 0.5, 0.5]])
    assert breaks_order(is_above).tolist() == [False, True, False]
    assert not breaks_order(is_above, slack=0.2).any()
