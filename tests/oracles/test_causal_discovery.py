import importlib.util
import itertools

import networkx as nx
import numpy as np
import pytest
from scipy.optimize import check_grad

from roadworthy.causes.discovery import METHODS, discover, edge_counts, led_away
from roadworthy.causes.notears import acyclicity, notears
from roadworthy.core.errors import InputError
from tests.structural_models import LinearModel, random_weights

NO_PEER = "causal-learn is not installed"
HAS_PEER = importlib.util.find_spec("causallearn") is not None
of_peer = pytest.mark.skipif(not HAS_PEER, reason=NO_PEER)


def each_method(function):
    methods = [m if m == "notears" else pytest.param(m, marks=of_peer) for m in METHODS]
    return pytest.mark.parametrize("method", methods)(function)


def drawn(seed, noise="uniform", n=600, d=5):
    generator = np.random.default_rng(seed)
    weights = random_weights(d, generator)
    order = generator.permutation(d)  # so that an order of columns gives nothing away
    rows = LinearModel(weights, noise).draw(n, generator)[:, order]
    return rows, weights[np.ix_(order, order)] != 0


def f1(found, truth):
    hits = (found & truth).sum()
    return 2 * hits / max(found.sum() + truth.sum(), 1)


@each_method
def test_neighbors_are_found(method):
    scores = []
    for seed in range(5):
        rows, truth = drawn(seed)
        found = discover(rows, method)
        scores.append(f1(found | found.T, truth | truth.T))
    assert np.mean(scores) > 0.85


@of_peer
@pytest.mark.parametrize("method", ["pc", "ges"])
def test_a_collider_is_told_and_a_chain_is_not(method):
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 1000))
    collider = np.c_[a, b, a + b + generator.normal(size=1000)]
    found = discover(collider, method)
    assert np.argwhere(found).tolist() == [[0, 2], [1, 2]]
    middle = a + generator.normal(size=1000)
    chain = np.c_[a, middle, middle + generator.normal(size=1000)]
    found = discover(chain, method)
    assert (found == found.T).all()
    assert found.sum() == 4


@of_peer
def test_lingam_recovers_graphs_of_uniform_noise():
    rows_truths = [drawn(seed, n=2000) for seed in range(6)]
    exact = [bool((discover(rows, "lingam") == truth).all()) for rows, truth in rows_truths]
    assert sum(exact) >= 5


def test_notears_recovers_most_graphs_of_equal_noise():
    """Not all: the problem is not convex, and some starts end in a valley of their own."""
    exact, scores = [], []
    for seed in range(6):
        rows, truth = drawn(seed, "normal", n=1000)
        weights = notears(rows)
        assert acyclicity(weights)[0] == pytest.approx(0, abs=1e-12)
        exact.append(bool(((weights != 0) == truth).all()))
        scores.append(f1(weights != 0, truth))
    assert sum(exact) >= 4
    assert np.mean(scores) > 0.8


def test_notears_recovers_the_weights_of_a_chain():
    generator = np.random.default_rng(0)
    weights = np.diag([1.5, -1.0, 0.8], 1)
    found = notears(LinearModel(weights).draw(3000, generator))
    # the penalty and 3000 rows leave a few hundredths
    assert np.allclose(found, weights, atol=0.08)


def test_the_constraint_is_zero_for_acyclic_weights_alone():
    generator = np.random.default_rng(0)
    for _ in range(30):
        weights = generator.normal(size=(4, 4)) * (generator.random((4, 4)) < 0.3)
        is_acyclic = nx.is_directed_acyclic_graph(nx.DiGraph(weights != 0))
        assert (acyclicity(weights)[0] < 1e-12) == is_acyclic


def test_the_slope_of_the_constraint_is_right():
    start = np.random.default_rng(0).normal(size=16)
    error = check_grad(
        lambda w: acyclicity(w.reshape(4, 4))[0],
        lambda w: acyclicity(w.reshape(4, 4))[1].ravel(),
        start,
    )
    assert error < 1e-4 * np.linalg.norm(acyclicity(start.reshape(4, 4))[1])


def test_true_edges_are_more_stable_than_false_ones():
    rows, truth = drawn(0, "normal", n=400)
    counts = edge_counts(rows, "notears", draws=6)
    assert counts.directed[truth].min() > counts.directed[~truth].max()
    assert counts.directed.max() <= counts.draws


def edges(d, *pairs):
    found = np.zeros((d, d), dtype=bool)
    for i, j in pairs:
        found[i, j] = True
    return found


def test_what_comes_first_turns_a_chain():
    chain = edges(3, (0, 1), (1, 0), (1, 2), (2, 1))
    assert np.argwhere(led_away(chain, (0,))).tolist() == [[0, 1], [1, 2]]
    assert (led_away(chain, ()) == chain).all()
    # from the middle both ends are led to
    assert np.argwhere(led_away(chain, (1,))).tolist() == [[1, 0], [1, 2]]


def test_of_a_triangle_only_the_edges_at_what_comes_first_are_turned():
    triangle = ~np.eye(3, dtype=bool)
    expected = edges(3, (0, 1), (0, 2), (1, 2), (2, 1))
    assert (led_away(triangle, (0,)) == expected).all()


def test_turned_edges_are_those_of_the_true_graph():
    """By brute force: all that is turned holds in the graph that the pattern was made from."""
    for seed in range(40):
        _, truth = drawn(seed, n=2)
        d = len(truth)
        is_known = edges(d)
        for child in range(d):  # arrows that meet, their starts being no neighbors
            for a, b in itertools.combinations(np.flatnonzero(truth[:, child]), 2):
                if not (truth[a, b] or truth[b, a]):
                    is_known[[a, b], child] = True
        pattern = (truth | truth.T) & ~is_known.T
        roots = tuple(int(j) for j in np.flatnonzero(~truth.any(0)))
        turned = led_away(pattern, roots[:1])
        assert (turned >= truth).all()


def test_a_method_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="pc, ges, lingam, notears"):
        discover(np.zeros((5, 2)), "oracle")
