"""Labels that spread or are guessed before a network is trained, against scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.datasets import load_digits
from sklearn.semi_supervised import LabelSpreading

from roadworthy.core.errors import InputError
from roadworthy.core.progress import Silent
from roadworthy.recipes import MLP
from roadworthy.sources import make_dataset
from roadworthy.strategies import FixMatch, LabelPropagation, LabelSmoothing, SelfTraining
from roadworthy.strategies.label_propagation import measured, neighbor_graph, spread
from roadworthy.strategies.self_training import PRIME
from roadworthy.training.loop import fit_plan
from roadworthy.training.trained import defended, plan_of
from tests.few_labels import accuracies, blobs, moons


def plan_for(data, **settings):
    return plan_of(MLP(**{"width": 8, "epochs": 5, **settings}), data, data.train, 0, Silent())


@pytest.mark.parametrize("alpha", [0.2, 0.9])
def test_labels_settle_where_scikit_learns_do_on_the_same_graph(alpha):
    x, y = load_digits(return_X_y=True)
    x, y = x[:800], y[:800]
    known = np.where(np.arange(800) < 60, y, -1)
    graph = neighbor_graph(x, 7)
    peer = LabelSpreading(kernel=lambda *_: graph.toarray(), alpha=alpha, tol=1e-13, max_iter=5000)
    peer.fit(x, known)
    found = spread(graph, np.where(known[:, None] == np.arange(10), 1.0, 0.0), alpha)
    shares = found / found.sum(1, keepdims=True)
    np.testing.assert_allclose(shares, peer.label_distributions_, atol=1e-6)
    assert (shares.argmax(1) == peer.transduction_).all()


def test_settled_labels_solve_the_papers_equation():
    generator = np.random.default_rng(0)
    weights = generator.random((12, 12))
    weights = weights + weights.T
    known = np.eye(3)[generator.integers(0, 3, 12)] * (np.arange(12) < 5)[:, None]
    root = np.diag(weights.sum(1) ** -0.5)
    expected = 0.05 * np.linalg.solve(np.eye(12) - 0.95 * root @ weights @ root, known)
    np.testing.assert_allclose(spread(csr_array(weights), known, 0.95), expected, atol=1e-8)


def test_neighbors_are_joined_both_ways_and_no_row_with_itself():
    x = np.random.default_rng(0).normal(size=(50, 3))
    graph = neighbor_graph(x, 4).toarray()
    apart = ((x[:, None] - x) ** 2).sum(2)
    np.fill_diagonal(apart, np.inf)
    nearest = np.argsort(apart, 1)[:, :4]
    expected = np.zeros((50, 50))
    np.put_along_axis(expected, nearest, 1.0, 1)
    np.testing.assert_array_equal(graph, np.maximum(expected, expected.T))


def test_rows_count_as_they_are_sure_and_those_that_nothing_reaches_stay_out():
    # two pairs of clouds: of the second pair no row has a label
    generator = np.random.default_rng(0)
    near = generator.normal(size=(40, 2)) + np.array([[0.0, 0.0], [8.0, 0.0]])[np.arange(40) % 2]
    far = generator.normal(size=(20, 2)) + 1000
    data = make_dataset(
        near[:4], np.arange(4) % 2, test=(near[:4], [0, 1, 0, 1]), unlabelled=np.r_[near[4:], far]
    )
    plan = plan_for(data)
    found = LabelPropagation(neighbors=5).apply(plan, Silent())
    assert len(found.rows) == 40
    assert len(found.unlabelled) == 20
    assert torch.equal(found.rows.y, torch.arange(40) % 2)
    assert torch.equal(found.weights[:4], torch.ones(4))
    assert float(found.weights.min()) > 0
    assert float(found.weights.max()) <= 1
    # 1 - H / log K of the settled probabilities
    x = torch.cat([plan.rows.x, plan.unlabelled.x])
    known = np.zeros((60, 2))
    known[np.arange(4), np.arange(4) % 2] = 1
    shares = spread(neighbor_graph(measured(plan, x), 5), known, 0.99)[4:40]
    shares = shares / shares.sum(1, keepdims=True)
    entropy = -(shares * np.log(np.maximum(shares, 1e-300))).sum(1)
    np.testing.assert_allclose(found.weights[4:], 1 - entropy / np.log(2), atol=1e-6)


def test_distances_are_of_standardized_columns():
    data = moons(0)
    rescaled = tuple(replace(s, x=s.x * torch.tensor([1.0, 1000.0])) for s in data.splits)
    first = LabelPropagation().apply(plan_for(data), Silent())
    second = LabelPropagation().apply(plan_for(replace(data, splits=rescaled)), Silent())
    assert torch.equal(first.rows.y, second.rows.y)


def test_self_training_learns_what_the_round_before_was_sure_of():
    data = blobs(0)
    plan = plan_for(data, epochs=60, rate=1e-2)
    strategy = SelfTraining(rounds=1, threshold=0.8)
    found = strategy.apply(plan, Silent())
    network = fit_plan(replace(plan, seed=plan.seed + PRIME), Silent())
    with torch.no_grad():
        probability, guess = network(plan.unlabelled.x).softmax(1).max(1)
    is_sure = probability >= 0.8
    assert 0 < int(is_sure.sum()) < len(is_sure)
    assert torch.equal(found.rows.x, torch.cat([plan.rows.x, plan.unlabelled.x[is_sure]]))
    assert torch.equal(found.rows.y, torch.cat([plan.rows.y, guess[is_sure]]))
    assert torch.equal(found.unlabelled.x, plan.unlabelled.x[~is_sure])
    # one training on the rows with a target, and one look at the others
    assert found.spent == 60 * 9 + len(plan.unlabelled)


def test_each_round_labels_all_rows_anew():
    plan = plan_for(blobs(0), epochs=60, rate=1e-2)
    first = SelfTraining(rounds=1, threshold=0.8).apply(plan, Silent())
    second = SelfTraining(rounds=2, threshold=0.8).apply(plan, Silent())
    # the second round sees as many rows as the first
    epochs = round(60 * 9 / len(first.rows))
    schedule = replace(plan.schedule, epochs=epochs)
    second_round = replace(first, seed=plan.seed + 2 * PRIME, schedule=schedule)
    network = fit_plan(second_round, Silent())
    with torch.no_grad():
        probability, guess = network(plan.unlabelled.x).softmax(1).max(1)
    assert torch.equal(second.rows.y[9:], guess[probability >= 0.8])
    assert torch.equal(second.unlabelled.x, plan.unlabelled.x[probability < 0.8])


def test_all_rounds_together_keep_to_what_may_pass_the_network():
    data = blobs(0)
    recipe = defended(MLP(width=8, rate=1e-2), (SelfTraining(rounds=2, threshold=0.8),))
    plan = plan_of(recipe, data, data.train, 0, Silent(), passes=60_000)
    last = plan.schedule.epochs * len(plan.rows)
    assert plan.spent == pytest.approx(40_000, rel=0.05)
    assert plan.spent + last == pytest.approx(60_000, rel=0.05)


def test_adopted_rows_follow_the_others_with_their_weights():
    data = blobs(0)
    plan = replace(plan_for(data), weights=torch.full((9,), 2.0))
    weights = torch.zeros(len(data.unlabelled))
    weights[[3, 5]] = torch.tensor([0.5, 0.25])
    found = plan.adopt("guesses", torch.full((len(weights),), 2), weights)
    assert found.rows.y[9:].tolist() == [2, 2]
    assert found.weights.tolist() == [2.0] * 9 + [0.5, 0.25]
    assert torch.equal(found.rows.x[9:], data.unlabelled.x[[3, 5]])
    assert len(found.unlabelled) == len(data.unlabelled) - 2


@pytest.mark.parametrize("first", [LabelSmoothing(), FixMatch()], ids=lambda s: s.card.name)
def test_rows_are_added_before_anything_is_made_for_them(first):
    plan = first.apply(plan_for(blobs(0)), Silent())
    with pytest.raises(InputError, match=f"{first.card.name} has not seen: name it first"):
        LabelPropagation().apply(plan, Silent())


@pytest.mark.parametrize(
    "strategy", [LabelPropagation(), SelfTraining()], ids=lambda s: s.card.name
)
def test_without_such_rows_it_says_what_to_do(strategy):
    data = blobs(0)
    data = replace(data, splits=tuple(s for s in data.splits if s.name != "unlabelled"))
    with pytest.raises(InputError, match=r"learns from rows without a target.*empty"):
        strategy.apply(plan_for(data), Silent())


@pytest.mark.parametrize(
    ("strategy", "words"),
    [(LabelPropagation(alpha=1.0), "alpha"), (SelfTraining(rounds=0), "round")],
)
def test_settings_out_of_range_are_refused(strategy, words):
    with pytest.raises(InputError, match=words):
        strategy.apply(plan_for(blobs(0)), Silent())


@pytest.mark.parametrize("task", [moons, blobs])
def test_spread_labels_gain_where_near_rows_are_alike(task):
    spreading = accuracies(task, LabelPropagation(), epochs=30)
    assert spreading.mean() > accuracies(task).mean() + 0.03
