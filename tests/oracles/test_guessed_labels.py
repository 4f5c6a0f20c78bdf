"""FixMatch and its heirs against loops over rows, and on strokes with three labels per class."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from roadworthy.core.errors import InputError
from roadworthy.core.progress import Silent
from roadworthy.recipes import MLP
from roadworthy.strategies import FixMatch, FreeMatch, SoftMatch
from roadworthy.strategies.freematch import Sureness
from roadworthy.strategies.softmatch import Moments
from roadworthy.training.loop import fit_plan
from roadworthy.training.trained import defended, plan_of
from roadworthy.training.views import strong_view, weak_view
from tests.few_labels import accuracies, blobs, small_batch, strokes, value

U, K = 40, 3


def asked(plan, network, batch):
    """Give the answers to the weak and to the strong views that the objective will see."""
    torch.manual_seed(3)
    with torch.no_grad():
        weak = network(weak_view(plan.data)(batch.unlabelled)).softmax(1).double().numpy()
        strong = network(strong_view(plan.data)(batch.unlabelled)).softmax(1).double().numpy()
    return weak, strong


def known(network, batch):
    return float(cross_entropy(network(batch.x), batch.y).detach())


def test_fixmatch_learns_sure_guesses_on_strong_views():
    plan, network, batch = small_batch(FixMatch(threshold=0.9, weight=2.0), unlabelled=U)
    weak, strong = asked(plan, network, batch)
    losses = [
        -np.log(strong[u, weak[u].argmax()]) if weak[u].max() >= 0.9 else 0.0 for u in range(U)
    ]
    assert 3 < np.count_nonzero(losses) < U - 3
    expected = known(network, batch) + 2 * np.mean(losses)
    assert value(plan, network, batch) == pytest.approx(expected, rel=1e-5)


def test_the_guess_is_no_way_for_gradients():
    plan, network, batch = small_batch(FixMatch(threshold=0.0), unlabelled=U)
    torch.manual_seed(3)
    (found,) = torch.autograd.grad(plan.objective(network, batch), network.weight)
    weak, _ = asked(plan, network, batch)
    seen = strong_view(plan.data)
    torch.manual_seed(3)
    weak_view(plan.data)(batch.unlabelled)  # draws first
    loss = cross_entropy(network(batch.x), batch.y)
    guesses = torch.from_numpy(weak.argmax(1))
    loss = loss + cross_entropy(network(seen(batch.unlabelled)), guesses)
    (expected,) = torch.autograd.grad(loss, network.weight)
    torch.testing.assert_close(found, expected)


def test_freematch_follows_its_recursions():
    decay, fairness = 0.2, 0.5
    plan, network, batch = small_batch(FreeMatch(decay=decay, fairness=fairness), unlabelled=U)
    tau, p, h = 1 / K, np.full(K, 1 / K), np.full(K, 1 / K)
    for _ in range(3):
        weak, strong = asked(plan, network, batch)
        guess = weak.argmax(1)
        tau = decay * tau + (1 - decay) * weak.max(1).mean()
        p = decay * p + (1 - decay) * weak.mean(0)
        h = decay * h + (1 - decay) * np.bincount(guess, minlength=K) / U
        threshold = p / p.max() * tau
        sure = [u for u in range(U) if weak[u].max() >= threshold[guess[u]]]
        assert 3 < len(sure) < U - 3
        learned = sum(-np.log(strong[u, guess[u]]) for u in sure) / U
        p_bar = strong[sure].mean(0)
        h_bar = np.bincount(strong[sure].argmax(1), minlength=K) / len(sure)
        assert (h_bar > 0).all()
        a, b = p / h / (p / h).sum(), p_bar / h_bar / (p_bar / h_bar).sum()
        # the paper's term is minus the cross-entropy
        expected = known(network, batch) + learned + fairness * (a * np.log(b)).sum()
        assert value(plan, network, batch) == pytest.approx(expected, rel=1e-4)


def test_a_class_that_is_not_guessed_breaks_no_term_for_fairness():
    memory = Sureness(3)
    memory.note(torch.tensor([[0.8, 0.1, 0.1]] * 4), 0.0)
    answers = torch.tensor([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1]], requires_grad=True)
    term = memory.unfairness(answers)
    term.backward()
    assert term.isfinite()
    assert answers.grad.isfinite().all()


def test_no_sure_guess_leaves_the_labels_alone_to_learn_from():
    plan, network, batch = small_batch(FreeMatch(decay=1.0), unlabelled=U)
    batch.beside["freematch"].largest.fill_(2.0)
    assert value(plan, network, batch) == pytest.approx(known(network, batch), rel=1e-6)


def test_softmatch_weighs_guesses_by_a_normal_density_below_the_mean():
    decay, spread = 0.8, 0.7
    plan, network, batch = small_batch(SoftMatch(decay=decay, spread=spread), unlabelled=U)
    mean, variance, guessed = 1 / K, 1.0, np.full(K, 1 / K)
    for _ in range(3):
        weak, strong = asked(plan, network, batch)
        guessed = decay * guessed + (1 - decay) * weak.mean(0)
        even = weak / guessed
        largest = (even / even.sum(1, keepdims=True)).max(1)
        mean = decay * mean + (1 - decay) * largest.mean()
        variance = decay * variance + (1 - decay) * largest.var(ddof=1)
        losses = []
        for u in range(U):
            below = min(0.0, largest[u] - mean)
            weight = np.exp(-(below**2) / (2 * spread**2 * variance))
            losses.append(-weight * np.log(strong[u, weak[u].argmax()]))
        expected = known(network, batch) + np.mean(losses)
        assert value(plan, network, batch) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("strategy", [FreeMatch, SoftMatch])
def test_guesses_count_more_and_more_at_first(strategy):
    parts = []
    for progress in (0.0, 0.1, 0.4, 0.9):
        plan, network, batch = small_batch(strategy(rise=0.4), unlabelled=U, progress=progress)
        parts.append(value(plan, network, batch) - known(network, batch))
    assert parts == pytest.approx([0, parts[2] / 4, parts[2], parts[2]], rel=1e-4, abs=1e-6)


def test_one_guess_alone_has_no_variance():
    memory = Moments(3)
    memory.note(torch.tensor([0.9]), 0.5)
    assert float(memory.variance) == 1


def test_weights_of_rows_count_for_rows_with_a_target_only():
    plan, network, batch = small_batch(FixMatch(threshold=0.0), unlabelled=U)
    weights = torch.tensor([2.0, 0.5, 1.0, 0.0, 1.5])
    apart = value(plan, network, replace(batch, weights=weights)) - value(plan, network, batch)
    losses = cross_entropy(network(batch.x), batch.y, reduction="none")
    assert apart == pytest.approx(float(((weights - 1) * losses).mean().detach()), abs=1e-5)


def test_without_such_rows_it_says_what_to_do():
    data = blobs(0)
    data = replace(data, splits=tuple(s for s in data.splits if s.name != "unlabelled"))
    with pytest.raises(InputError, match=r"fixmatch learns from rows without a target.*empty"):
        defended(MLP(epochs=1), (FixMatch(),)).fit(data, data.train, 0, Silent())


def test_the_cost_counts_the_rows_that_pass_the_network():
    data, passed = blobs(0), []
    recipe = defended(MLP(epochs=2, batch=9), (FixMatch(ratio=3),))
    plan = plan_of(recipe, data, data.train, 0, Silent())
    objective = plan.objective

    def counted(network, batch):
        def ask(x):
            passed.append(len(x))
            return network(x)

        return objective(ask, batch)

    fit_plan(replace(plan, objective=counted), Silent())
    assert sum(passed) == plan.cost * 2 * len(data.train)


@pytest.mark.slow
@pytest.mark.parametrize(
    "strategy", [FixMatch(), FreeMatch(), SoftMatch()], ids=lambda s: s.card.name
)
def test_three_labels_per_class_go_far_where_strong_changes_keep_the_class(strategy):
    assert accuracies(strokes, strategy).mean() > accuracies(strokes).mean() + 0.1
