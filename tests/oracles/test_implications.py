import numpy as np
import pytest
from scipy import stats

from roadworthy.causes.graph import CausalGraph
from roadworthy.causes.implications import implications, partial_correlation_p_value
from tests.structural_models import LinearModel, random_weights


def test_a_partial_correlation_of_nothing_is_pearsons():
    a, b = np.random.default_rng(0).normal(size=(2, 500))
    expected = stats.pearsonr(a, b).pvalue
    # Fisher's transformation against the exact distribution
    found = partial_correlation_p_value(a, b, np.empty((0, 500)))
    assert found == pytest.approx(expected, abs=0.01)


def test_the_true_graph_is_seldom_contradicted_and_a_false_one_often():
    false_alarms = caught = planted = 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        weights = random_weights(5, generator)
        edges = [(f"v{i}", f"v{j}") for i, j in np.argwhere(weights)]
        names = tuple(f"v{k}" for k in range(5))
        rows = dict(zip(names, LinearModel(weights).draw(300, generator).T, strict=True))
        found = implications(CausalGraph(tuple(edges), names), rows)
        false_alarms += any(one.p_value < 0.05 for one in found)
        if edges:  # one edge is left out
            found = implications(CausalGraph(tuple(edges[1:]), names), rows)
            planted += 1
            caught += any(one.p_value < 0.05 for one in found)
    assert false_alarms <= stats.binom.ppf(0.995, 60, 0.05)
    assert caught > 0.9 * planted


def test_what_is_not_recorded_is_not_tested():
    graph = CausalGraph.parse("hidden -> a; hidden -> b")
    rows = dict(zip("ab", np.random.default_rng(0).normal(size=(2, 100)), strict=True))
    assert implications(graph, rows) == ()
