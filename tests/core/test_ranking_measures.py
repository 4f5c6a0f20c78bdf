"""Measures of rankings against scikit-learn and scipy, query by query."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from roadworthy.core.ranking_measures import average_precision, by_query, kendall_tau, ndcg


@pytest.fixture
def drawn():
    """Rows of 12 queries of 2 to 20 rows in any order, with ties in grades and scores."""
    generator = np.random.default_rng(0)
    query = generator.permutation(np.repeat(np.arange(12), generator.integers(2, 21, 12)))
    grades = generator.integers(0, 4, len(query))
    scores = (grades + generator.normal(size=len(query)) * 2).round()
    return query, grades, scores


def each_query(query, *columns):
    for number in np.unique(query):
        yield tuple(column[query == number] for column in columns)


@pytest.mark.parametrize("k", [1, 3, None])
@pytest.mark.parametrize("gain", ["linear", "exponential"])
def test_ndcg_equals_scikit_learns(drawn, k, gain):
    query, grades, scores = drawn
    is_row, relevance, laid = by_query(query, grades, scores)
    found = ndcg(relevance, laid, is_row, k, gain)
    expected = [
        metrics.ndcg_score([own if gain == "linear" else 2.0**own - 1], [of], k=k)
        if own.any()
        else np.nan
        for own, of in each_query(query, grades, scores)
    ]
    np.testing.assert_allclose(found, expected)


def test_average_precision_equals_scikit_learns(drawn):
    query, grades, scores = drawn
    is_row, relevant, laid = by_query(query, grades > 1, scores)
    expected = [
        metrics.average_precision_score(own, of) if own.any() else np.nan
        for own, of in each_query(query, grades > 1, scores)
    ]
    np.testing.assert_allclose(average_precision(relevant, laid, is_row), expected)


def test_kendall_tau_equals_scipys(drawn):
    query, grades, scores = drawn
    is_row, targets, laid = by_query(query, grades.astype(float), scores)
    expected = [stats.kendalltau(*pair).statistic for pair in each_query(query, grades, scores)]
    np.testing.assert_allclose(kendall_tau(targets, laid, is_row), expected)


def test_a_query_without_anything_relevant_is_left_undefined():
    is_row, relevance, scores = by_query(np.zeros(3), np.zeros(3), np.arange(3.0))
    assert np.isnan(ndcg(relevance, scores, is_row)).all()
    assert np.isnan(average_precision(relevance > 0, scores, is_row)).all()
    assert np.isnan(kendall_tau(relevance, scores, is_row)).all()
