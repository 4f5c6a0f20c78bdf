"""Measures of rankings against scikit-learn and scipy, query by query."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from roadworthy.core import ranking_measures
from roadworthy.core.ranking_measures import average_precision, kendall_tau, ndcg


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
    expected = [
        metrics.ndcg_score([own if gain == "linear" else 2.0**own - 1], [of], k=k)
        if own.any()
        else np.nan
        for own, of in each_query(query, grades, scores)
    ]
    np.testing.assert_allclose(ndcg(query, grades, scores, k, gain), expected)


def test_average_precision_equals_scikit_learns(drawn):
    query, grades, scores = drawn
    expected = [
        metrics.average_precision_score(own, of) if own.any() else np.nan
        for own, of in each_query(query, grades > 1, scores)
    ]
    np.testing.assert_allclose(average_precision(query, grades > 1, scores), expected)


@pytest.mark.parametrize("long", [5, 1000])
def test_kendall_tau_equals_scipys(drawn, long, monkeypatch):
    monkeypatch.setattr(ranking_measures, "LONG", long)
    query, grades, scores = drawn
    expected = [stats.kendalltau(*pair).statistic for pair in each_query(query, grades, scores)]
    assert np.isnan(expected).sum() == 1  # two rows of different grades and the same score
    expected = np.nan_to_num(expected)
    np.testing.assert_allclose(kendall_tau(query, grades, scores), expected)


@pytest.mark.parametrize("long", [2, 1000])
def test_the_same_score_for_all_orders_nothing(long, monkeypatch):
    monkeypatch.setattr(ranking_measures, "LONG", long)
    query = np.repeat([4, 7], 3)
    assert kendall_tau(query, np.arange(6.0), np.ones(6)).tolist() == [0, 0]


def test_a_query_without_anything_relevant_is_left_undefined():
    query, same, scores = np.zeros(3), np.zeros(3), np.arange(3.0)
    assert np.isnan(ndcg(query, same, scores)).all()
    assert np.isnan(average_precision(query, same > 0, scores)).all()
    assert np.isnan(kendall_tau(query, same, scores)).all()
