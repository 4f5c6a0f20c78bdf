import numpy as np
import pytest
from scipy import stats

from roadworthy.causes import CausalGraph, StructuralModel
from roadworthy.core.errors import InputError
from roadworthy.core.estimates import of_few_draws
from tests.structural_models import LinearModel, random_weights

GRAPH = CausalGraph.parse("a -> b -> c -> d; a -> c; a -> d")
#                       a    b     c     d
WEIGHTS = np.array([[0, 0.8, -1.0, 1.5], [0, 0, 1.2, 0], [0, 0, 0, 0.7], [0, 0, 0, 0]], dtype=float)
TOTAL = 1.2 * 0.7  # of b on d: along b -> c -> d


def drawn(n=2000, seed=0, noise="normal", set_to=None):
    rows = LinearModel(WEIGHTS, noise).draw(n, np.random.default_rng(seed), set_to=set_to)
    return dict(zip("abcd", rows.T, strict=True))


def learned(rows=None, graph=GRAPH, learners=("linear",), **more):
    return StructuralModel.learn(graph, rows or drawn(**more), learners=learners)


def switch(n=4000, seed=0):
    """A dose makes it likelier that a valve opens; an open valve adds 2 to the flow."""
    generator = np.random.default_rng(seed)
    dose = generator.normal(size=n)
    is_open = generator.random(n) < 1 / (1 + np.exp(-dose))
    flow = 2 * is_open + 0.5 * dose + generator.normal(size=n)
    return {"dose": dose, "valve": np.where(is_open, "open", "shut"), "flow": flow}


VALVE = CausalGraph.parse("dose -> valve -> flow; dose -> flow")


def test_what_is_simulated_has_the_moments_of_the_rows():
    rows, model = drawn(5000, noise="laplace"), learned(n=5000, noise="laplace")
    simulated = model.simulate(50_000, seed=1)
    real, made = (np.cov([own[name] for name in "abcd"]) for own in (rows, simulated))
    # of 5000 rows: three standard errors of a covariance with heavy tails
    assert np.abs(real - made).max() < 0.15 * real.max()


def test_setting_a_variable_gives_what_setting_it_in_the_truth_gives():
    truth = drawn(200_000, seed=5, set_to={1: 2.0})
    found = learned(n=20_000).simulate(50_000, {"b": 2.0}, seed=1)
    for name in "abcd":
        assert found[name].mean() == pytest.approx(truth[name].mean(), abs=0.06), name
        assert found[name].std() == pytest.approx(truth[name].std(), abs=0.06), name


def test_an_effect_is_the_product_along_the_paths():
    """And by least squares exactly: the product of the fitted slopes."""
    rows = drawn()
    found = learned(rows).effect("b", "d", 0.0, 1.0)

    def slopes(y, *x):
        return np.linalg.lstsq(np.c_[np.ones(len(y)), np.array(x).T], y, rcond=None)[0][1:]

    by_hand = (
        slopes(rows["c"], rows["b"], rows["a"])[0] * slopes(rows["d"], rows["c"], rows["a"])[0]
    )
    assert found.value == pytest.approx(by_hand, abs=1e-5)
    assert found.low < TOTAL < found.high
    assert found.high - found.low < 0.3


def test_rows_alone_say_otherwise():
    """Of those who have b = 1, d is not what it is of those who are given b = 1."""
    rows = drawn()
    naive = np.polyfit(rows["b"], rows["d"], 1)[0]
    assert abs(naive - TOTAL) > 0.1


@pytest.mark.parametrize("seed", range(3))
def test_random_linear_models_are_recovered(seed):
    generator = np.random.default_rng(seed)
    weights = random_weights(5, generator)
    names = [f"x{k}" for k in range(5)]
    edges = tuple((names[j], names[i]) for j, i in np.argwhere(weights))
    graph = CausalGraph(edges, tuple(names))
    rows = dict(zip(names, LinearModel(weights).draw(20_000, generator).T, strict=True))
    model = learned(rows, graph)
    total = np.linalg.inv(np.eye(5) - weights)  # the sum over all paths
    for j, name in enumerate(names[:-1]):
        low, high = (model.simulate(100, {name: value}) for value in (0.0, 1.0))
        assert (high["x4"] - low["x4"]).mean() == pytest.approx(total[j, 4], abs=0.1)


def test_a_counterfactual_of_a_linear_model_is_the_closed_form():
    rows = drawn(20_000)
    model = learned(rows)
    row = {name: float(values[0]) for name, values in rows.items()}
    would = model.counterfactual(row, {"b": row["b"] + 1.5}, draws=3)
    assert would["a"] == pytest.approx([row["a"]] * 3), "what comes before stays"
    assert would["c"] == pytest.approx([row["c"] + 1.5 * 1.2] * 3, abs=0.05)
    assert would["d"] == pytest.approx([row["d"] + 1.5 * TOTAL] * 3, abs=0.05)


def test_a_counterfactual_that_changes_nothing_is_the_row():
    rows = switch()
    model = learned(rows, VALVE)
    row = {name: values[0].item() for name, values in rows.items()}
    would = model.counterfactual(row, {"dose": row["dose"]}, draws=20)
    assert (would["valve"] == row["valve"]).all()
    assert would["flow"] == pytest.approx([row["flow"]] * 20)


def test_a_category_downstream_gives_a_distribution():
    model = learned(switch(20_000), VALVE)
    would = model.counterfactual({"dose": 0.0, "valve": "shut", "flow": 0.0}, {"dose": 1.0})
    assert (would["valve"] == "open").mean() == pytest.approx(1 / (1 + np.exp(-1)), abs=0.05)
    is_open = would["valve"] == "open"
    assert would["flow"][~is_open] == pytest.approx(0.5, abs=0.05)
    assert would["flow"][is_open] == pytest.approx(2.5, abs=0.08)


def test_an_effect_through_a_category_is_that_of_the_truth():
    model = learned(switch(20_000), VALVE)
    found = model.effect("dose", "flow", 0.0, 1.0, n=20_000, resamples=20)
    truth = 2 * (1 / (1 + np.exp(-1)) - 0.5) + 0.5
    assert found.value == pytest.approx(truth, abs=0.08)


def test_curves_are_learned_by_trees_and_lines_by_lines():
    generator = np.random.default_rng(0)
    a, noise = generator.normal(size=3000), generator.normal(size=(2, 3000))
    rows = {"a": a, "b": 3 * np.abs(a) + noise[0], "c": a + noise[1]}
    model = learned(rows, CausalGraph.parse("a -> b; a -> c"), ("linear", "trees"))
    assert model.mechanisms["b"].learner == "trees"
    assert model.mechanisms["c"].learner == "linear"
    found = model.effect("a", "b", 0.0, 1.5, resamples=5)
    assert found.value == pytest.approx(4.5, abs=0.4)


def test_draws_of_one_seed_have_the_same_noise():
    model = learned()
    low, high = (model.simulate(50, {"c": value}, seed=3) for value in (0.0, 1.0))
    assert np.array_equal(low["a"], high["a"])
    assert high["d"] - low["d"] == pytest.approx(np.full(50, (high["d"] - low["d"])[0]))
    assert not np.array_equal(model.simulate(50, seed=4)["a"], low["a"])


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["normal", "laplace"])
def test_intervals_of_effects_hold_at_their_rate(noise):
    """Of 100 intervals of 95 % at least 89 hold but for a chance of 1 in 200 (binomial)."""
    held = 0
    for seed in range(100):
        model = learned(n=300, seed=seed, noise=noise)
        found = model.effect("b", "d", 0.0, 1.0, n=100, resamples=40, seed=seed)
        held += found.low <= TOTAL <= found.high
    assert held >= stats.binom.ppf(0.005, 100, 0.95)


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="'hidden' of the causal graph is not recorded"):
        learned(drawn(), CausalGraph.parse("hidden -> a; hidden -> b"))
    model = learned(switch(), VALVE)
    with pytest.raises(InputError, match="'dosis' is set"):
        model.simulate(5, {"dosis": 1.0})
    with pytest.raises(InputError, match="a category that no row has"):
        model.simulate(5, {"valve": "ajar"})
    with pytest.raises(InputError, match="has categories, and so no mean"):
        model.effect("dose", "valve", 0.0, 1.0)
    with pytest.raises(InputError, match="no value of 'flow'"):
        model.counterfactual({"dose": 0.0, "valve": "shut"}, {"dose": 1.0})
    rare = switch()
    rare["valve"] = np.where(np.arange(4000) < 3, "ajar", rare["valve"])
    with pytest.raises(InputError, match="'ajar' of 'valve' has fewer than 10 rows"):
        learned(rare, VALVE)


def test_an_interval_of_few_draws_is_students():
    draws = np.random.default_rng(0).normal(5.0, 2.0, 30)
    found = of_few_draws("number", 5.0, draws, 100)
    expected = stats.t.interval(0.95, 29, loc=5.0, scale=draws.std(ddof=1))
    assert (found.low, found.high) == pytest.approx(expected)
    many = of_few_draws("number", 5.0, draws, 100, comparisons=4)
    assert many.high == pytest.approx(stats.t.interval(1 - 0.05 / 4, 29, 5.0, draws.std(ddof=1))[1])
