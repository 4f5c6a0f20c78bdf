from itertools import chain, combinations

import networkx as nx
import numpy as np
import pytest

from roadworthy.causes.adjustment import adjustment_set, is_adjustment
from roadworthy.causes.graph import CausalGraph
from roadworthy.core.errors import InputError, NotAssessed

FRONT_DOOR = "hidden -> t; hidden -> y; t -> m -> y"


def random_graphs(number=25, d=6):
    generator = np.random.default_rng(0)
    for _ in range(number):
        is_edge = np.triu(generator.random((d, d)) < 0.4, 1)
        order = generator.permutation(d)
        edges = tuple((f"v{order[i]}", f"v{order[j]}") for i, j in np.argwhere(is_edge))
        yield CausalGraph(edges, tuple(f"v{k}" for k in range(d)))


def subsets(names):
    names = sorted(names)
    return chain.from_iterable(combinations(names, k) for k in range(len(names) + 1))


def test_separation_is_that_of_networkx():
    for graph in random_graphs():
        other = nx.DiGraph(graph.edges)
        other.add_nodes_from(graph.names)
        for a, b in combinations(graph.names, 2):
            for given in subsets(set(graph.names) - {a, b}):
                theirs = nx.is_d_separator(other, {a}, {b}, set(given))
                assert graph.is_separated(a, b, given) == theirs


def total_effect(weights, treatment, outcome):
    """The sum over all directed paths of the products of their weights."""
    return np.linalg.inv(np.eye(len(weights)) - weights)[treatment, outcome]


def regressed(weights, treatment, outcome, held):
    """The coefficient of the treatment in the regression of an infinite sample."""
    mixing = np.linalg.inv(np.eye(len(weights)) - weights)
    covariance = mixing.T @ mixing
    columns = [treatment, *held]
    inner = covariance[np.ix_(columns, columns)]
    return np.linalg.solve(inner, covariance[columns, outcome])[0]


def test_a_set_is_called_valid_where_its_regression_gives_the_effect():
    """By brute force over all sets, with weights that no two paths cancel under."""
    generator = np.random.default_rng(1)
    for graph in random_graphs(12, 5):
        names = sorted(graph.names)
        weights = np.zeros((5, 5))
        for cause, effect in graph.edges:
            weights[names.index(cause), names.index(effect)] = generator.uniform(0.5, 1.5)
        for t, y in combinations(range(5), 2):
            for held in subsets(set(range(5)) - {t, y}):
                found = regressed(weights, t, y, held)
                is_right = np.isclose(found, total_effect(weights, t, y))
                said = is_adjustment(graph, names[t], names[y], [names[k] for k in held])
                assert said == is_right


def test_a_recorded_set_is_found_whenever_there_is_one():
    generator = np.random.default_rng(2)
    for graph in random_graphs():
        recorded = {name for name in graph.names if generator.random() < 0.7} - {"v0", "v1"}
        valid = [held for held in subsets(recorded) if is_adjustment(graph, "v0", "v1", held)]
        if valid:
            assert is_adjustment(graph, "v0", "v1", adjustment_set(graph, "v0", "v1", recorded))
        else:
            with pytest.raises(NotAssessed, match="common causes"):
                adjustment_set(graph, "v0", "v1", recorded)


def test_textbook_graphs():
    def held(text, *recorded):
        return adjustment_set(CausalGraph.parse(text), "t", "y", recorded)

    assert held("z -> t; z -> y; t -> y", "z") == ("z",)
    assert held("t -> m -> y", "m") == ()  # what lies between is not held fixed
    assert held("t -> c; y -> c; t -> y", "c") == ()  # nor what both act on
    assert held("a -> t; a -> m; b -> m; b -> y; t -> y", "m") == ()  # nor a collider on the way
    with pytest.raises(NotAssessed):
        held(FRONT_DOOR, "m")


def test_a_graph_is_read_as_it_is_written():
    graph = CausalGraph.parse("age -> dose -> outcome; age -> outcome\n sex ")
    assert graph.edges == (("age", "dose"), ("dose", "outcome"), ("age", "outcome"))
    assert graph.names == ("age", "dose", "outcome", "sex")


@pytest.mark.parametrize("text", ["a -> b -> a", "a -> a", "a -> b; b -> c; c -> a"])
def test_a_circle_is_refused(text):
    with pytest.raises(InputError, match="circle"):
        CausalGraph.parse(text)


def test_an_arrow_without_a_name_is_refused():
    with pytest.raises(InputError, match="without a name"):
        CausalGraph.parse("a -> ; b -> c")
